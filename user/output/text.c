// SPDX-License-Identifier: Apache-2.0
/* One line a record for people: time, index, kind, who, what, result, and what to doubt. */
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "output/output.h"

void output_follow(struct output_context *c, const struct record *r)
{
	const uint8_t *b = r->boot_id;

	if (r->kind != RECORD_START)
		return;
	snprintf(c->host, sizeof(c->host), "%.*s", (int)r->host.len, (const char *)r->host.data);
	snprintf(c->boot_id, sizeof(c->boot_id),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
}

/* Between quotes, where a quote is escaped. */
static void put_quoted(struct buffer *to, struct bytes text)
{
	size_t from = 0;

	buffer_text(to, "'");
	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.data[i] != '\'')
			continue;
		if (i > from)
			escape_text(to, bytes_of(text.data + from, i - from));
		if (i < text.len)
			buffer_text(to, "\\'");
		from = i + 1;
	}
	buffer_text(to, "'");
}

/* A name; quoted when it could be taken for more than one word of the line. */
static void put_word(struct buffer *to, struct bytes text)
{
	if (text.len == 0 || memchr(text.data, ' ', text.len) || memchr(text.data, '\'', text.len))
		put_quoted(to, text);
	else
		escape_text(to, text);
}

#define CONTAINER_SHOWN 12 /* digits; as the tools of the runtimes show them */

/* alice, alice as root, uid 1000, nginx.service, container 0123456789ab */
static void put_who(struct buffer *to, const struct record *r)
{
	size_t shown = r->container.len < CONTAINER_SHOWN ? r->container.len : CONTAINER_SHOWN;

	if (r->actor == ACTOR_CONTAINER) {
		buffer_text(to, "container ");
		put_word(to, bytes_of(r->container.data, shown));
	} else if (r->actor == ACTOR_KERNEL) {
		buffer_text(to, "kernel");
	} else if (r->user.len) {
		put_word(to, r->user);
	} else if (r->auid != RECORD_UNSET) {
		buffer_print(to, "uid %u", r->auid);
	} else if (r->acting_as.len) {
		put_word(to, r->acting_as);
	} else {
		buffer_print(to, "uid %u", r->cred.euid);
	}
	if (r->user.len && r->acting_as.len && !bytes_equal(r->user, r->acting_as)) {
		buffer_text(to, " as ");
		put_word(to, r->acting_as);
	}
}

static void put_result(struct buffer *to, int64_t result)
{
	buffer_print(to, " = %lld", (long long)result);
	if (result < 0 && result >= -4095) {
		buffer_text(to, " ");
		output_errno(to, (int)-result);
	}
}

static void put_flags(struct buffer *to, uint64_t flags)
{
	uint64_t unnamed = flags >> RECORD_FLAGS << RECORD_FLAGS;
	const char *before = "  [";

	for (unsigned int i = 0; i < RECORD_FLAGS; i++) {
		if (!(flags & 1u << i))
			continue;
		buffer_print(to, "%s%s", before, record_flag_name(i));
		before = " ";
	}
	if (unnamed)
		buffer_print(to, "%s0x%llx", before, (unsigned long long)unnamed);
	if (flags)
		buffer_text(to, "]");
}

static void put_argv(struct buffer *to, struct bytes argv)
{
	size_t from = 0;

	for (size_t i = 0; i <= argv.len; i++) {
		if (i < argv.len ? argv.data[i] != 0 : from == argv.len)
			continue;
		buffer_text(to, " ");
		put_quoted(to, bytes_of(argv.data + from, i - from));
		from = i + 1;
	}
}

static void put_open_flags(struct buffer *to, uint32_t flags)
{
	const char *word;
	bool set;

	for (unsigned int i = 0; (word = output_open_flag(i, flags, &set)); i++) {
		if (set)
			buffer_print(to, "%s%s", i ? "|" : " ", word);
	}
	if (output_open_rest(flags))
		buffer_print(to, "|0x%x", output_open_rest(flags));
}

static void put_ids(struct buffer *to, const struct record_cred *c)
{
	buffer_print(to, "%u/%u/%u:%u/%u/%u", c->uid, c->euid, c->suid, c->gid, c->egid, c->sgid);
}

/* setresuid(1000, -1, -1): as many arguments as the call has */
static void put_call(struct buffer *to, const struct record *r)
{
	const char *name = record_call_name(r->call);
	bool three = r->call == RECORD_CALL_SETRESUID || r->call == RECORD_CALL_SETRESGID;
	bool two = three || r->call == RECORD_CALL_SETREUID || r->call == RECORD_CALL_SETREGID;

	buffer_print(to, " %s(%d", name ? name : "?", (int32_t)r->argument[0]);
	if (two)
		buffer_print(to, ", %d", (int32_t)r->argument[1]);
	if (three)
		buffer_print(to, ", %d", (int32_t)r->argument[2]);
	buffer_text(to, ") ");
}

static void put_exit(struct buffer *to, int64_t code)
{
	if (code & 0x7f)
		buffer_print(to, " killed by signal %lld", (long long)(code & 0x7f));
	else
		buffer_print(to, " code %lld", (long long)(code >> 8 & 0xff));
}

/* " umount2 /mnt call_flags=0x2": the call, what it was done to, and what it was given. */
static void put_object(struct buffer *to, const struct record *r)
{
	const char *call = record_call_name(r->call);

	if (call && *call)
		buffer_print(to, " %s", call);
	if (r->path.len) {
		buffer_text(to, " ");
		put_word(to, r->path);
	}
	if (r->old_mode)
		buffer_print(to, " before=%o,%u:%u", r->old_mode & 07777, r->old_owner,
			     r->old_group);
	for (const struct record_field *f = record_type(r->kind)->fields; f->name; f++) {
		const void *member = (const uint8_t *)r + f->offset;
		bool is_text = member == &r->other || member == &r->word || member == &r->place ||
			       member == &r->name;

		if (is_text && ((const struct bytes *)member)->len) {
			buffer_print(to, " %s=", f->name);
			put_word(to, *(const struct bytes *)member);
		} else if (member == &r->argument[0] || member == &r->argument[1]) {
			uint64_t value = *(const uint64_t *)member;

			buffer_print(to, " %s=", f->name);
			if (!output_number(to, f->name, value))
				buffer_print(to, "%llu", (unsigned long long)value);
		}
	}
}

/* inet 10.0.0.1 port 443 */
static void put_address(struct buffer *to, const struct record *r)
{
	struct buffer address = { 0 };

	output_family(to, r->family);
	buffer_text(to, " ");
	output_address(&address, r);
	put_word(to, bytes_of(address.data, address.len));
	buffer_free(&address);
	if (r->port)
		buffer_print(to, " port %u", r->port);
}

/* " 4311 times again openat /etc/passwd, last at ..." */
static void put_repeat(struct buffer *to, const struct record *r)
{
	const char *call = record_call_name(r->call);

	buffer_print(to, " %llu times again %s", (unsigned long long)r->count, call ? call : "?");
	if (r->path.len) {
		buffer_text(to, " ");
		put_word(to, r->path);
	}
	if (r->family) {
		buffer_text(to, " ");
		put_address(to, r);
	}
	buffer_print(to, " as number %llu, last at ", (unsigned long long)r->at);
	output_time(to, r->since);
}

static void put_event(struct buffer *to, const struct record *r)
{
	put_who(to, r);
	buffer_print(to, " %u ", r->pid);
	put_word(to, r->comm);
	switch (r->kind) {
	case RECORD_EXEC:
		buffer_text(to, " -> ");
		put_word(to, r->path);
		put_argv(to, r->argv);
		break;
	case RECORD_OPEN:
		buffer_text(to, " ");
		put_word(to, r->path);
		put_open_flags(to, r->open_flags);
		break;
	case RECORD_SETUID:
		put_call(to, r);
		put_ids(to, &r->old_cred);
		buffer_text(to, " -> ");
		put_ids(to, &r->cred);
		break;
	case RECORD_CONNECT:
	case RECORD_BIND:
	case RECORD_LISTEN:
	case RECORD_ACCEPT:
		buffer_text(to, " ");
		put_address(to, r);
		break;
	case RECORD_REPEAT:
		put_repeat(to, r);
		break;
	case RECORD_FORK:
		buffer_print(to, " makes %s %u",
			     r->child_pid == r->child_tid ? "process" : "thread", r->child_tid);
		break;
	case RECORD_EXIT:
		put_exit(to, r->result);
		break;
	case RECORD_CAPSET:
		buffer_print(to, " effective %llx -> %llx, permitted %llx -> %llx",
			     (unsigned long long)r->old_cred.effective,
			     (unsigned long long)r->cred.effective,
			     (unsigned long long)r->old_cred.permitted,
			     (unsigned long long)r->cred.permitted);
		break;
	default:
		put_object(to, r);
	}
	if (r->kind == RECORD_LOGIN) {
		buffer_text(to, " = ");
		output_pam_result(to, (uint32_t)r->result);
	} else if (r->kind != RECORD_FORK && r->kind != RECORD_EXIT) {
		put_result(to, r->result);
	}
	if (r->claimed.len) {
		buffer_text(to, "  (caller said ");
		put_quoted(to, r->claimed);
		buffer_text(to, ")");
	}
	put_flags(to, r->flags);
}

static void put_archive(struct buffer *to, const struct record *r)
{
	if (r->result == 0)
		buffer_print(to, "entries below %llu are at ", (unsigned long long)r->size);
	else
		buffer_text(to, "cannot copy to ");
	put_word(to, r->place);
	if (r->result)
		put_result(to, r->result);
	if (r->why.len) {
		buffer_text(to, ": ");
		escape_text(to, r->why);
	}
}

static void put_prune(struct buffer *to, const struct record *r)
{
	buffer_print(
		to, "uid %u, pid %u had segments below %llu deleted (entries below %llu): ", r->uid,
		r->pid, (unsigned long long)r->keep_number, (unsigned long long)r->keep_first);
	escape_text(to, r->why);
}

static void put_login(struct buffer *to, const char *before, uint32_t auid)
{
	if (auid == RECORD_UNSET)
		buffer_print(to, "%sunset", before);
	else
		buffer_print(to, "%s%u", before, auid);
}

static void put_disturbance(struct buffer *to, const struct record *r)
{
	uint64_t ms = r->time > r->since ? (r->time - r->since) / 1000000 : 0;

	buffer_text(to, output_disturbance(r->reason));
	if (r->name.len) {
		buffer_text(to, ": ");
		escape_text(to, r->name);
	}
	buffer_print(to, ", within %llu.%03llu s, %llu events lost meanwhile",
		     (unsigned long long)ms / 1000, (unsigned long long)ms % 1000,
		     (unsigned long long)r->count);
	if (r->result) {
		buffer_text(to, ", still so: ");
		output_errno(to, (int)-r->result);
	}
}

static void put_own(struct buffer *to, const struct record *r)
{
	const char *family;

	switch (r->kind) {
	case RECORD_START:
		escape_text(to, r->host);
		buffer_text(to, ", kernel ");
		escape_text(to, r->kernel);
		buffer_text(to, ", hooks ");
		escape_text(to, r->hooks);
		buffer_text(to, ", scope ");
		escape_text(to, r->scope);
		break;
	case RECORD_HEARTBEAT:
		buffer_print(to, "received %llu, programs skipped %llu, canary %s",
			     (unsigned long long)r->received, (unsigned long long)r->misses,
			     r->canary == CANARY_SEEN	? "seen"
			     : r->canary == CANARY_NONE ? "not sent"
							: "not seen");
		break;
	case RECORD_COUNTERS:
		buffer_print(to, "cpu %u", r->cpu);
		break;
	case RECORD_LOSS:
		family = record_family_name(r->lost_family);
		if (family)
			buffer_print(to, "%llu %s events lost on cpu %u (%s)",
				     (unsigned long long)r->count, family, r->cpu,
				     output_loss_reason(r->reason));
		else /* nobody knows which, nor where */
			buffer_print(to, "%llu events lost (%s)", (unsigned long long)r->count,
				     output_loss_reason(r->reason));
		break;
	case RECORD_RESUME:
		buffer_text(to, "the programs went on by themselves; what is in the rings follows");
		break;
	case RECORD_PAUSE:
	case RECORD_STOP:
		buffer_print(to, "received %llu", (unsigned long long)r->received);
		break;
	case RECORD_USER:
		buffer_print(to, "uid %u is ", r->id);
		if (r->name.len)
			put_word(to, r->name);
		else
			buffer_text(to, "nobody's any more");
		break;
	case RECORD_ARCHIVE:
		put_archive(to, r);
		break;
	case RECORD_PRUNE:
		put_prune(to, r);
		break;
	case RECORD_KEEPER:
		buffer_text(to, "the one that held the keys was ");
		escape_text(to, r->name);
		buffer_print(to, "; process %u took its place", r->pid);
		break;
	case RECORD_DISTURBED:
		put_disturbance(to, r);
		break;
	case RECORD_LOGINUID:
		buffer_print(to, "%u ", r->pid);
		put_word(to, r->comm);
		put_login(to, " login uid ", r->id);
		put_login(to, " -> ", r->auid);
		buffer_print(to, ", session %u", r->session);
		break;
	case RECORD_CONFIG:
		buffer_print(to, "uid %u, pid %u says what is recorded: ", r->uid, r->pid);
		escape_text(to, r->policy);
		break;
	case RECORD_ALERT:
		output_alert(to, r);
		break;
	case RECORD_DIGEST:
		buffer_print(to, "%016llx after %llu records", (unsigned long long)r->digest,
			     (unsigned long long)r->at);
		break;
	default:
		break;
	}
}

void output_text(struct buffer *to, const struct output_entry *entry)
{
	const struct record *r = entry->record;

	output_time(to, r->time);
	buffer_print(to, " #%llu %-9s ", (unsigned long long)entry->index,
		     record_type(r->kind)->name);
	if (record_is_event(r->kind))
		put_event(to, r);
	else
		put_own(to, r);
	buffer_text(to, "\n");
}
