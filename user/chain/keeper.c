// SPDX-License-Identifier: Apache-2.0
/*
 * Order of writes, each durable before the next: entries in the segment; seal k in "seals";
 * seed k+1 in seal.key; zeros over seed k; checkpoint. A crash anywhere in it leaves at most one
 * seal whose key is not yet gone, and nothing published that is not durable.
 */
#define _GNU_SOURCE
#include "chain/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "chain/blocks.h"
#include "chain/files.h"
#include "chain/leaves.h"
#include "chain/note.h"
#include "chain/restart.h"
#include "chain/text.h"

#define HASH_SLICE  (256u << 10)
#define HASH_BEHIND (4u << 20) /* with more than that not hashed nothing more is synced */

struct keeper {
	int socket;
	struct log log;
	struct tree mirror; /* of log.tree: a bit that flips in memory must not be signed */
	struct blocks blocks;
	struct salts salts;
	int fd; /* of the segment */
	struct open_segment segment;
	uint64_t durable, durable_bytes;
	uint64_t noted; /* number of the seal in the checkpoint */
	uint32_t turn;
	uint64_t told; /* number of the segment whose descriptor was sent */
	int error;     /* no more is done after it */
	char why[256];
};

__attribute__((format(printf, 3, 4))) static int refuse(struct keeper *s, int err,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	return err;
}

/* Waits while the other side is slow. */
static int publish(struct keeper *s)
{
	struct keeper_news news = { .turn = s->turn,
				    .error = s->error,
				    .durable = s->durable,
				    .sealed = s->log.last.size,
				    .seal = s->log.last.k,
				    .segment = s->segment };
	int err;

	memcpy(news.root, s->log.last.root, CHAIN_HASH);
	if (s->error)
		memcpy(news.why, s->why, sizeof(news.why));
	err = message_send(s->socket, &news, sizeof(news),
			   s->told == s->segment.number ? -1 : s->fd, 0);
	if (err == 0)
		s->told = s->segment.number;
	return err;
}

/* --- hashing what is on the disk ------------------------------------------------------------- */

static void hash_block(struct keeper *s, const struct block *block)
{
	tree_push_block(&s->log.tree, block, &s->salts, s->log.tree.size - s->segment.first);
}

/* Hash what is durable and not hashed yet, but not much more than limit bytes of it. */
static int hash_some(struct keeper *s, uint64_t limit)
{
	uint64_t begin = s->blocks.offset;
	struct block block;
	int got = 1;

	if (!tree_equal(&s->log.tree, &s->mirror))
		return refuse(s, -EBADMSG, "the tree changed in memory");
	s->blocks.end = s->durable_bytes;
	while (s->blocks.offset < s->durable_bytes && s->blocks.offset - begin < limit) {
		got = blocks_next(&s->blocks, &block);
		if (got <= 0)
			break;
		if (s->blocks.next - s->segment.first > SALT_LIMIT)
			return refuse(s, -EFBIG, "segment has too many entries");
		hash_block(s, &block);
	}
	s->mirror = s->log.tree;
	if (got < 0)
		return refuse(s, got, "cannot read segment %016llx back: %s",
			      (unsigned long long)s->segment.number, strerror(-got));
	if (got == 0 || (s->blocks.offset == s->durable_bytes && s->log.tree.size != s->durable))
		return refuse(s, -EBADMSG,
			      "segment %016llx does not read back as written at offset %llu",
			      (unsigned long long)s->segment.number,
			      (unsigned long long)s->blocks.offset);
	return 0;
}

static int hash_durable(struct keeper *s)
{
	return hash_some(s, UINT64_MAX);
}

/* --- new segments ---------------------------------------------------------------------------- */

/* Go on in a new segment behind the durable part of the present one. */
static int open_segment(struct keeper *s, unsigned reason)
{
	struct segment_header header = { .number = s->segment.number + 1,
					 .seal = s->log.last.k + 1,
					 .prev_len = s->durable_bytes,
					 .tree = s->log.tree };
	uint8_t data[SEGMENT_HEADER_MAX];
	struct open_segment next = { .number = header.number,
				     .first = header.tree.size,
				     .prev_len = header.prev_len,
				     .reason = reason,
				     .sealed = s->log.last.size };
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	int fd;

	if (reason && fstat(s->fd, &st) == 0)
		next.dead_len = (uint64_t)st.st_size - header.prev_len;
	memcpy(header.pk, keys_public(s->log.keys), 32);
	memcpy(header.lid, s->log.name.lid, LOG_ID_LEN);
	chain_random(header.salt_key, sizeof(header.salt_key));
	next.header_len = (uint32_t)segment_header_encode(&header, data);
	segment_name(header.number, name);
	fd = create_file(s->log.dirfd, name, bytes_of(data, next.header_len), 0600);
	if (fd < 0 || fsync(s->log.dirfd) < 0) {
		int err = fd < 0 ? fd : -errno;

		if (fd >= 0)
			close(fd);
		return refuse(s, err, "cannot make %s/%s: %s", s->log.dir, name, strerror(-err));
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	s->segment = next;
	s->durable_bytes = next.header_len;
	salts_init(&s->salts, header.salt_key);
	blocks_seek_fd(&s->blocks, fd, next.header_len, next.header_len, next.first);
	return 0;
}

/* After an I/O error this segment's descriptor is never trusted again: what was synced counts,
 * the rest is written anew by the other side. Twice without progress is a dead disk. */
static int recover(struct keeper *s, unsigned reason, int cause)
{
	int err;

	if (s->segment.reason && s->durable == s->segment.first)
		return refuse(s, cause, "segment %016llx: %s again after going to a new segment",
			      (unsigned long long)s->segment.number, strerror(-cause));
	err = hash_durable(s);
	return err ? err : open_segment(s, reason);
}

/* --- seals ----------------------------------------------------------------------------------- */

/* Ed25519 signs the same bytes the same way, so a record may be written again after an error; the
 * key is kept until the record is durable. */
static int write_seal(struct keeper *s, const struct seal *seal)
{
	int err = seal_write(s->log.seals_fd, seal);

	if (err)
		err = seal_write_again(s->log.seals_fd, seal);
	if (err == 0)
		return 0;
	return refuse(s, err, "cannot write %s/%s: %s", s->log.dir, FILE_SEALS, strerror(-err));
}

static int seal(struct keeper *s, uint32_t flags)
{
	struct seal seal = { .k = s->log.last.k + 1, .size = s->log.tree.size, .flags = flags };
	char text[SEAL_TEXT_MAX];
	size_t len;
	int err;

	/* The open segment says that this seal covers its first entry: without one there is none.
	 */
	if (seal.size == s->log.last.size || seal.size == s->segment.first)
		return 0;
	tree_root(&s->mirror, seal.root);
	memcpy(seal.next_pk, keys_public_next(s->log.keys), 32);
	len = seal_text(&seal, s->log.name.origin, text);
	keys_sign_seal(s->log.keys, text, len, seal.sig);
	err = write_seal(s, &seal);
	if (err)
		return err;
	err = keys_advance(s->log.keys);
	if (err)
		return refuse(s, err, "cannot write %s.keys/seal.key: %s", s->log.dir,
			      strerror(-err));
	s->log.last = seal;
	return 0;
}

static int write_note(struct keeper *s)
{
	const struct seal *last = &s->log.last;
	char body[NOTE_BODY_MAX], note[2 * NOTE_BODY_MAX];
	uint8_t sig[NOTE_SIG_LEN];
	size_t len;
	int err;

	if (s->noted == last->k)
		return 0;
	len = note_body(s->log.name.origin, last->size, last->root, body);
	keys_sign_note(s->log.keys, body, len, sig);
	len = note_encode(body, &s->log.name, sig, note);
	err = replace_file(s->log.dirfd, FILE_CHECKPOINT, bytes_of(note, len), 0644);
	/* The first one must be there for good before there is a second seal. */
	if (err == 0 && last->k == 1 && fsync(s->log.dirfd) < 0)
		err = -errno;
	if (err)
		return refuse(s, err, "cannot write %s/%s: %s", s->log.dir, FILE_CHECKPOINT,
			      strerror(-err));
	s->noted = last->k;
	return 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static int sync_segment(struct keeper *s, const struct keeper_request *request)
{
	if (request->entries <= s->durable)
		return 0;
	if (fdatasync(s->fd) < 0)
		return -errno;
	s->durable = request->entries;
	s->durable_bytes = request->bytes;
	return 0;
}

static int serve(struct keeper *s, const struct keeper_request *request)
{
	unsigned what = request->what;
	int err;

	if (request->segment != s->segment.number)
		return 0; /* asked before the news of a recovery arrived; it will be asked again */
	if (what & ASK_RECOVER)
		return recover(s, RECOVERY_WRITE, -EIO);
	err = sync_segment(s, request);
	if (err)
		return recover(s, RECOVERY_SYNC, err);
	if (what & ~ASK_SYNC)
		publish(s); /* durable: the other side need not wait for more */
	if (what & (ASK_SEAL | ASK_SEGMENT))
		err = hash_durable(s);
	if (err == 0 && what & ASK_SEAL)
		err = seal(s, what & ASK_CLOSE ? SEAL_CLOSE : 0);
	if (err == 0 && what & ASK_NOTE)
		err = write_note(s);
	if (err == 0 && what & ASK_SEGMENT)
		err = open_segment(s, 0);
	return err;
}

/* The other side was killed. What it wrote is evidence: seal it up to the last whole block. */
static void seal_remains(struct keeper *s)
{
	struct block block;

	if (s->error || fdatasync(s->fd) < 0 || hash_durable(s))
		return;
	s->blocks.end = UINT64_MAX;
	while (blocks_next(&s->blocks, &block) > 0)
		hash_block(s, &block);
	s->mirror = s->log.tree;
	if (seal(s, 0) == 0)
		write_note(s);
}

/* Requests that wait are one: each asks for at least what those before it did. 1 with a request,
 * 0 with none, -errno when the other side is gone (-ESHUTDOWN: on purpose). */
static int next_request(struct keeper *s, bool wait, struct keeper_request *ret)
{
	struct keeper_request request;
	int got;

	*ret = (struct keeper_request){ 0 };
	while ((got = message_receive(s->socket, &request, sizeof(request), NULL,
				      wait && !ret->what ? 0 : MSG_DONTWAIT)) > 0) {
		if (request.what & ASK_QUIT)
			return -ESHUTDOWN;
		request.what |= ret->what;
		*ret = request;
	}
	if (got == -EAGAIN)
		return ret->what != 0;
	return got ? got : -EPIPE;
}

/* Do what is asked, else hash ahead, in slices so that a request need not wait long. Under full
 * load requests never end: hashing must keep up with them, or a new segment would have to wait for
 * the whole of the old one. */
static int serve_all(struct keeper *s)
{
	struct keeper_request request;

	for (;;) {
		bool ahead = !s->error && s->blocks.offset < s->durable_bytes;
		bool behind = ahead && s->durable_bytes - s->blocks.offset > HASH_BEHIND;
		int got = behind ? 0 : next_request(s, !ahead, &request);

		if (got < 0)
			return got;
		if (got == 0) {
			s->error = hash_some(s, HASH_SLICE);
			if (s->error == 0)
				continue;
		} else {
			if (!s->error)
				s->error = serve(s, &request);
			s->turn = request.turn;
		}
		got = publish(s);
		if (got)
			return got;
	}
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void describe(const struct log *log, struct chain_opened *ret)
{
	*ret = (struct chain_opened){
		.created = log->number == 0,
		.recovered = !log->clean,
		.sealed = log->last.size,
		.adopted = log->tree.size - log->last.size,
		.dead = log->dead_len,
	};
	strcpy(ret->vkey, log->name.vkey);
	put_hex(ret->fingerprint, log->name.lid, 8);
}

/* The first segment; an unclean end before it is told along. */
static int begin(struct keeper *s)
{
	const struct log *log = &s->log;
	int err = blocks_init(&s->blocks);

	s->mirror = log->tree;
	s->durable = log->tree.size;
	s->durable_bytes = log->valid_len;
	s->segment.number = log->number;
	if (err)
		return refuse(s, err, "out of memory");
	if (log->last.k == 1)
		err = write_note(s); /* a crash may have kept it from being there before seal 2 */
	if (err == 0)
		err = open_segment(s, 0);
	if (err || log->clean)
		return err;
	s->segment.reason = RECOVERY_UNCLEAN;
	s->segment.dead_len = log->dead_len;
	memcpy(s->segment.dead_hash, log->dead_hash, CHAIN_HASH);
	memcpy(s->segment.old_boot, log->old_boot, 16);
	return 0;
}

/* Take the log up as HELLO says, and say how that went. */
static int open_log(struct keeper *s)
{
	struct keeper_opened answer = { .process = (uint32_t)getpid() };
	struct keeper_hello hello = { 0 };
	int dirfd, err, got = message_receive(s->socket, &hello, sizeof(hello), &dirfd, 0);

	if (got <= 0)
		return got ? got : -EPIPE;
	hello.dir[sizeof(hello.dir) - 1] = hello.name[sizeof(hello.name) - 1] = 0;
	if (sodium_init() < 0)
		err = chain_fail(&answer.why, -ENOSYS, "libsodium does not start");
	else
		err = log_open(&s->log, &hello, dirfd, &answer.why);
	if (err == 0) {
		describe(&s->log, &answer.opened);
		answer.kept = s->log.tree.size;
		err = begin(s);
		if (err)
			snprintf(answer.why.text, sizeof(answer.why.text), "%s", s->why);
	}
	answer.error = err;
	got = message_send(s->socket, &answer, sizeof(answer), err ? -1 : s->log.dirfd, 0);
	return err ? err : got;
}

int keeper_serve(int socket)
{
	struct keeper *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		close(socket);
		return -ENOMEM;
	}
	s->socket = socket;
	s->fd = -1;
	s->log = (struct log){ .dirfd = -1, .seals_fd = -1 };
	err = open_log(s);
	if (err == 0)
		err = publish(s);
	if (err == 0)
		err = serve_all(s);
	if (err != -ESHUTDOWN && s->fd >= 0)
		seal_remains(s);
	if (s->fd >= 0)
		close(s->fd);
	log_close(&s->log);
	blocks_free(&s->blocks);
	close(socket);
	free(s);
	return err == -ESHUTDOWN || err == -EPIPE ? 0 : err;
}

int chain_keep(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ };
	const struct rlimit none = { 0, 0 };
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(KEEPER_SOCKET, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET)
		return -ENOTSOCK;
	/* What ends the other side comes to the whole group; we end when it has. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	fcntl(KEEPER_SOCKET, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "indelible-keep");
	prctl(PR_SET_DUMPABLE, 0); /* no core, no debugger of the same user */
	setrlimit(RLIMIT_CORE, &none);
	return keeper_serve(KEEPER_SOCKET);
}
