// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cmd/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/history.h"
#include "record/record.h"

#define MS	    1000000ull
#define LOOK_EVERY  (200 * MS)	 /* for somebody new */
#define LOOK_SOON   (5 * MS)	 /* while somebody is there */
#define PATIENCE    (30000 * MS) /* for a seal */
#define ASK_SECONDS 60

struct control {
	struct control_server *server;
	struct control_calls calls;
	uint64_t next; /* look */
	bool waiting;  /* for a seal over index `last` */
	uint64_t last, until;
	struct control_message reply;
};

struct served {
	struct chain *chain;
	struct control_calls calls; /* of the collector, if one runs */
};

/* --- the requests
 * -------------------------------------------------------------------------------- */

static int append(struct chain *chain, const struct record *record, enum chain_urgency urgency,
		  uint64_t now, uint64_t *ret_index)
{
	uint8_t encoded[4096];
	ssize_t n = record_encode(record, encoded, sizeof(encoded));

	return n < 0 ? (int)n
		     : chain_append(chain, bytes_of(encoded, (size_t)n), urgency, now, ret_index);
}

static int do_archived(const struct served *to, const struct control_message *m,
		       const struct control_peer *peer, uint64_t now, struct control_message *reply,
		       uint64_t *ret_last)
{
	struct record record = { .kind = RECORD_ARCHIVE,
				 .time = clock_epoch(),
				 .result = m->result,
				 .size = m->number[0],
				 .root = bytes_of(m->root, sizeof(m->root)),
				 .place = bytes_of_text(m->place),
				 .why = bytes_of_text(m->why) };
	int err;

	(void)peer;
	if (m->place[0] == 0)
		return -EINVAL;
	err = append(to->chain, &record, CHAIN_NORMAL, now, ret_last);
	reply->number[0] = *ret_last;
	return err;
}

static int do_prune(const struct served *to, const struct control_message *m,
		    const struct control_peer *peer, uint64_t now, struct control_message *reply,
		    uint64_t *ret_last)
{
	struct record record = { .kind = RECORD_PRUNE,
				 .time = clock_epoch(),
				 .uid = peer->uid,
				 .pid = peer->pid,
				 .keep_number = m->number[0],
				 .keep_first = m->number[1],
				 .why = bytes_of_text(m->why) };
	int err = chain_append_prune(to->chain, m->number[0], m->number[1], now, &reply->number[0]);

	return err ? err : append(to->chain, &record, CHAIN_CRITICAL, now, ret_last);
}

static int do_policy(const struct served *to, const struct control_message *m,
		     const struct control_peer *peer, uint64_t now, struct control_message *reply,
		     uint64_t *ret_last)
{
	struct chain_state state;
	int err;

	if (!to->calls.set_policy)
		return -EOPNOTSUPP;
	err = to->calls.set_policy(to->calls.ctx, m->place, peer, now, reply->why,
				   sizeof(reply->why));
	if (err)
		return err;
	chain_get_state(to->chain, &state);
	*ret_last = state.next - 1;
	reply->number[0] = *ret_last;
	return 0;
}

enum { USES_RESULT = 1, USES_SECOND = 2, USES_ROOT = 4, USES_PLACE = 8 };

static const struct handler {
	uint32_t type;
	unsigned uses; /* fields besides number[0] and why; the others must be empty */
	/* Append what is to be sealed before the answer goes out. */
	int (*run)(const struct served *to, const struct control_message *request,
		   const struct control_peer *peer, uint64_t now, struct control_message *reply,
		   uint64_t *ret_last);
} handlers[] = {
	{ CONTROL_ARCHIVED, USES_RESULT | USES_ROOT | USES_PLACE, do_archived },
	{ CONTROL_PRUNE, USES_SECOND, do_prune },
	{ CONTROL_POLICY, USES_PLACE, do_policy },
};

static const struct handler *handler_of(const struct control_message *m)
{
	static const uint8_t none[sizeof(m->root)];

	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		const struct handler *h = &handlers[i];

		if (h->type != m->type)
			continue;
		if ((!(h->uses & USES_RESULT) && m->result) ||
		    (!(h->uses & USES_SECOND) && m->number[1]) ||
		    (!(h->uses & USES_ROOT) && memcmp(m->root, none, sizeof(none)) != 0) ||
		    (!(h->uses & USES_PLACE) && m->place[0]))
			return NULL;
		return h;
	}
	return NULL;
}

/* *ret_last: the index that must be sealed before the reply means anything. */
static int handle(const struct served *to, const struct control_message *m,
		  const struct control_peer *peer, uint64_t now, struct control_message *reply,
		  uint64_t *ret_last)
{
	const struct handler *h = handler_of(m);
	int err;

	*reply = (struct control_message){ .type = m->type | CONTROL_REPLY };
	err = h ? h->run(to, m, peer, now, reply, ret_last) : -EOPNOTSUPP;
	reply->result = err;
	if (err && !reply->why[0])
		snprintf(reply->why, sizeof(reply->why), "%s",
			 !h		  ? "this collector does not know the request"
			 : err == -EINVAL ? "the request does not agree with the chain"
					  : strerror(-err));
	return err;
}

/* --- served by the collector
 * --------------------------------------------------------------------- */

int control_start(struct control **ret, const char *dir, const struct control_calls *calls)
{
	struct control *c = calloc(1, sizeof(*c));
	int err = c ? control_listen(&c->server, dir) : -ENOMEM;

	if (err) {
		free(c);
		return err;
	}
	c->calls = *calls;
	*ret = c;
	return 0;
}

void control_stop(struct control *c)
{
	if (!c)
		return;
	control_close(c->server);
	free(c);
}

/* Is what was appended under a seal? Then the client gets its answer. */
static void answer_when_sealed(struct control *c, const struct chain *chain, uint64_t now)
{
	struct chain_state state;

	chain_get_state(chain, &state);
	if (state.sealed <= c->last && now < c->until)
		return;
	if (state.sealed <= c->last) {
		c->reply.result = -ETIMEDOUT;
		snprintf(c->reply.why, sizeof(c->reply.why), "it was written but is not sealed");
	}
	control_answer(c->server, &c->reply);
	c->waiting = false;
}

void control_serve(struct control *c, struct chain *chain, uint64_t now)
{
	struct control_message request;
	struct control_peer peer;

	if (!c || now < c->next)
		return;
	if (c->waiting) {
		answer_when_sealed(c, chain, now);
	} else if (control_receive(c->server, now, &request, &peer)) {
		if (handle(&(struct served){ chain, c->calls }, &request, &peer, now, &c->reply,
			   &c->last)) {
			control_answer(c->server, &c->reply);
		} else {
			c->waiting = true;
			c->until = now + PATIENCE;
		}
	}
	c->next = now + (control_has_client(c->server) ? LOOK_SOON : LOOK_EVERY);
}

uint64_t control_due(const struct control *c)
{
	return c && control_has_client(c->server) ? c->next : UINT64_MAX;
}

/* --- asked by commands
 * --------------------------------------------------------------------------- */

static int open_own(const char *command, const char *dir, struct chain **ret)
{
	char *schema = malloc(SCHEMA_ROOM);
	struct chain_options options = { .dir = dir, .keeper = KEEPER_PROGRAM };
	struct chain_error err = { 0 };
	struct chain_opened opened;
	struct host host;
	uint8_t key[16];
	ssize_t n = 0;
	int e = schema ? host_read(&host) : -ENOMEM;

	if (!e)
		e = history_key(dir, key, &err);
	if (!e)
		n = history_schema(&host, key, schema);
	if (!e && n < 0)
		e = (int)n;
	if (!e) {
		prctl(PR_SET_DUMPABLE, 0); /* we hold keys */
		options.name = host.name;
		options.machine_id = bytes_of_text(host.machine_id);
		options.schema = bytes_of(schema, (size_t)n);
		memcpy(options.boot_id, host.boot_id, sizeof(options.boot_id));
		e = chain_open(ret, &options, &opened, &err);
	}
	free(schema);
	if (e == -EWOULDBLOCK)
		return e;
	if (e)
		complain(0, "%s: %s", command, err.text[0] ? err.text : strerror(-e));
	return e;
}

/* Nobody else writes it: we do, and close it. All is sealed then. */
static int do_own(const char *command, const char *dir, const struct control_message *request,
		  struct control_message *ret)
{
	const struct control_peer self = { geteuid(), (uint32_t)getpid() };
	struct chain_error err = { 0 };
	struct chain *chain;
	uint64_t last;
	int e = open_own(command, dir, &chain), closed;

	if (e)
		return e;
	handle(&(struct served){ .chain = chain }, request, &self, clock_monotonic(), ret, &last);
	closed = chain_close(chain, clock_monotonic(), &err);
	if (closed)
		complain(0, "%s: the chain could not be closed: %s", command,
			 err.text[0] ? err.text : strerror(-closed));
	return closed;
}

static int report_unasked(const char *command, const char *dir, int err)
{
	if (err == -ECONNREFUSED)
		complain(0, "%s: a process writes %s, but takes no requests", command, dir);
	else
		complain(0, "%s: the collector of %s did not do it: %s", command, dir,
			 strerror(-err));
	return EXIT_COULD_NOT;
}

int control_request(const char *command, const char *dir, const struct control_message *request,
		    struct control_message *ret)
{
	int err = control_ask(dir, request, ASK_SECONDS, ret);

	if (err == -ECONNREFUSED) {
		int own = do_own(command, dir, request, ret);

		if (own == -EBADMSG || own == -ESTALE)
			return EXIT_BAD;
		if (own && own != -EWOULDBLOCK)
			return EXIT_COULD_NOT;
		err = own ? err : 0;
	}
	if (err)
		return report_unasked(command, dir, err);
	if (ret->result)
		return complain(EXIT_COULD_NOT, "%s: %s", command, ret->why);
	return EXIT_GOOD;
}
