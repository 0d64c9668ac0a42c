// SPDX-License-Identifier: Apache-2.0
#include "attribute/object.h"

#include <stdio.h>
#include <string.h>

static struct bytes text_of(const struct event *e, enum event_text slot)
{
	const uint8_t *p = (const uint8_t *)(e + 1);

	for (int i = 0; i < (int)slot; i++)
		p += e->text[i];
	return bytes_of(p, e->text[slot]);
}

/* "c/b/a/" to "/a/b/c"; "" is the root, unless there was nothing to walk. */
static struct bytes turn_path(struct bytes walked, uint32_t flags, uint8_t *to)
{
	uint8_t *p = to;
	size_t end = walked.len;

	if (flags & EVENT_PSEUDO) /* a label, not a path */
		return bytes_of(
			to,
			(size_t)(put_bytes(p, walked.data, walked.len ? walked.len - 1 : 0) - to));
	if (walked.len == 0)
		return bytes_of(to, (size_t)(put_u8(p, '/') - to));
	if (flags & EVENT_PATH_TRUNCATED)
		p = put_bytes(p, "...", 3);
	while (end) {
		size_t begin = end - 1; /* of the component that ends before this '/' */

		while (begin && walked.data[begin - 1] != '/')
			begin--;
		p = put_u8(p, '/');
		p = put_bytes(p, walked.data + begin, end - 1 - begin);
		end = begin;
	}
	return bytes_of(to, (size_t)(p - to));
}

/* A caller's name made absolute with the directory it starts from; "." and ".." stay as given. An
 * empty name that worked (AT_EMPTY_PATH) is that directory, or whatever the descriptor was. */
static struct bytes join_path(struct object_texts *texts, const struct event *e, struct bytes name,
			      enum event_text slot, uint8_t *to)
{
	struct bytes base;
	uint8_t *p = to;

	if (!e->text[slot] || (name.len == 0 ? e->result < 0 : name.data[0] == '/'))
		return name;
	base = turn_path(text_of(e, slot), e->flags & EVENT_PATH_TRUNCATED, texts->base);
	p = put_bytes(p, base.data, base.len);
	if (base.len > 1 && name.len)
		p = put_u8(p, '/');
	p = put_bytes(p, name.data, name.len);
	return bytes_of(to, (size_t)(p - to));
}

static struct bytes last_part(struct bytes path)
{
	size_t begin = path.len;

	while (begin && path.data[begin - 1] != '/')
		begin--;
	return begin ? bytes_of(path.data + begin, path.len - begin) : path;
}

/* The object's path if the kernel had one, else its name: the caller's word for it or, of an open
 * that failed, the kernel's copy. */
static void set_path(struct object_texts *texts, const struct event *e, struct record *r)
{
	struct bytes caller = text_of(e, TEXT_CALLER);
	bool is_name = e->flags & EVENT_UNVERIFIED ||
		       (e->kind == EVENT_OPEN && e->result < 0 && !(e->flags & EVENT_PATH_LOST));

	if (is_name && !e->file.inode) {
		r->path = join_path(texts, e, caller, TEXT_BASE, texts->path);
		return;
	}
	if (!(e->flags & EVENT_PATH_LOST))
		r->path = turn_path(text_of(e, TEXT_PATH), e->flags, texts->path);
	if (e->flags & EVENT_PSEUDO && bytes_equal(r->path, bytes_of_text("/")))
		r->path = bytes_of(texts->path, (size_t)sprintf((char *)texts->path, "inode:[%llu]",
								(unsigned long long)e->file.inode));
	if (!bytes_equal(last_part(r->path), last_part(caller)))
		r->claimed = caller;
	r->inode = e->file.inode;
	r->device = e->file.device;
	r->mode = e->file.mode;
}

static void set_address(struct object_texts *texts, const struct event *e, struct record *r)
{
	struct bytes raw = text_of(e, TEXT_CALLER);

	r->family = e->socket.family;
	r->protocol = e->socket.protocol;
	r->port = e->socket.port;
	if (raw.len >= 2 && e->flags & EVENT_UNVERIFIED) /* as struct sockaddr has it */
		r->family = get_u16(raw.data);
	switch (r->family) {
	case 1: /* AF_UNIX */
		if (raw.len > 2)
			r->address = bytes_of(raw.data + 2, raw.len - 2);
		/* A path ends at its NUL; an abstract name begins with one and may hold more. */
		if (r->address.len && r->address.data[0])
			r->address.len = strnlen((const char *)r->address.data, r->address.len);
		if (e->text[TEXT_PATH])
			r->path = turn_path(text_of(e, TEXT_PATH), e->flags, texts->path);
		else if (r->address.len && r->address.data[0])
			r->path = join_path(texts, e, r->address, TEXT_BASE, texts->path);
		break;
	case 2: /* AF_INET */
		if (!(e->flags & EVENT_UNVERIFIED)) {
			r->address = bytes_of(e->socket.address, 4);
		} else if (raw.len >= 8) {
			r->port = (uint32_t)raw.data[2] << 8 | raw.data[3];
			r->address = bytes_of(raw.data + 4, 4);
		}
		break;
	case 10: /* AF_INET6 */
		if (!(e->flags & EVENT_UNVERIFIED)) {
			r->address = bytes_of(e->socket.address, 16);
		} else if (raw.len >= 24) {
			r->port = (uint32_t)raw.data[2] << 8 | raw.data[3];
			r->address = bytes_of(raw.data + 8, 16);
		}
		break;
	default:
		r->address = raw;
	}
}

/* --- numbers --------------------------------------------------------------------------------- */

/* Only as many as the call takes: the other registers hold what they happen to hold. The list of
 * setgroups is in memory; its length is all that is known. */
static void set_arguments(const struct event *e, struct record *r)
{
	static const uint8_t counts[CALLS] = {
		[CALL_SETUID] = 1,   [CALL_SETGID] = 1,	   [CALL_SETREUID] = 2,
		[CALL_SETREGID] = 2, [CALL_SETRESUID] = 3, [CALL_SETRESGID] = 3,
		[CALL_SETFSUID] = 1, [CALL_SETFSGID] = 1,  [CALL_SETGROUPS] = 1,
	};

	for (int i = 0; i < counts[e->call]; i++)
		r->argument[i] = (uint32_t)e->setid.argument[i];
}

/* Whose it was, and what who could do, before the call. */
static void set_before(struct bytes from, struct record *r)
{
	struct event_before before;

	if (from.len != sizeof(before))
		return;
	memcpy(&before, from.data, sizeof(before));
	r->old_mode = before.mode;
	r->old_owner = before.owner;
	r->old_group = before.group;
}

/* What a call was done to: its path, its second name, a word and the numbers it was given. */
static void set_object(struct object_texts *texts, const struct event *e, struct record *r)
{
	if (e->file.inode || e->text[TEXT_CALLER] || e->text[TEXT_BASE]) /* else it has none */
		set_path(texts, e, r);
	if (e->kind == EVENT_CHMOD || e->kind == EVENT_CHOWN)
		set_before(text_of(e, TEXT_OTHER), r);
	else if ((e->kind == EVENT_RENAME || e->kind == EVENT_LINK) &&
		 !(e->flags & EVENT_UNVERIFIED))
		r->other = turn_path(text_of(e, TEXT_OTHER), 0, texts->other);
	else
		r->other =
			join_path(texts, e, text_of(e, TEXT_OTHER), TEXT_OTHER_BASE, texts->other);
	r->word = text_of(e, TEXT_ARGV);
	r->argument[0] = e->file.argument[0];
	r->argument[1] = e->file.argument[1];
	/* Registers are wider than the ints that most calls take from them. */
	if (e->kind != EVENT_TRUNCATE)
		r->argument[0] = (uint32_t)r->argument[0];
	r->argument[1] = (uint32_t)r->argument[1];
}

void object_describe(struct object_texts *texts, const struct event *e, struct record *r)
{
	switch (e->kind) {
	case EVENT_EXEC:
		set_path(texts, e, r);
		r->argv = text_of(e, TEXT_ARGV);
		if (e->result == 0 && (e->text[TEXT_BASE] || !(e->flags & EVENT_PATH_LOST)))
			r->cwd = turn_path(text_of(e, TEXT_BASE), 0, texts->cwd);
		break;
	case EVENT_OPEN:
		set_path(texts, e, r);
		r->open_flags = (uint32_t)e->file.argument[0];
		break;
	case EVENT_SETID:
		set_arguments(e, r);
		break;
	case EVENT_CONNECT:
	case EVENT_BIND:
	case EVENT_LISTEN:
	case EVENT_ACCEPT:
		set_address(texts, e, r);
		break;
	case EVENT_LOGIN:
		r->argument[0] = e->file.argument[0];
		r->name = text_of(e, TEXT_CALLER);
		r->word = text_of(e, TEXT_ARGV);
		r->other = text_of(e, TEXT_OTHER);
		r->place = text_of(e, TEXT_OTHER_BASE);
		break;
	case EVENT_FORK:
	case EVENT_EXIT:
	case EVENT_CAPSET:
	case EVENT_REPEAT:
		break;
	default:
		set_object(texts, e, r);
	}
}
