// SPDX-License-Identifier: Apache-2.0
/*
 * JSON, one object a line. Names are stable: add, never rename. Most come from the record table;
 * those that a program wants in another shape (actor, credentials, addresses) have a row in
 * `shapes`.
 */
#include <string.h>

#include "base/escape.h"
#include "output/output.h"

struct writer {
	struct buffer *to;
	const struct output_entry *entry;
	const struct record *record;
	bool started;
	struct buffer escaped; /* names of fields that were not UTF-8 */
};

static void put_name(struct writer *w, const char *name)
{
	buffer_print(w->to, "%s\"%s\":", w->started ? "," : "", name);
	w->started = true;
}

static void put_number(struct writer *w, const char *name, uint64_t value)
{
	put_name(w, name);
	buffer_print(w->to, "%llu", (unsigned long long)value);
}

static void put_signed(struct writer *w, const char *name, int64_t value)
{
	put_name(w, name);
	buffer_print(w->to, "%lld", (long long)value);
}

/* The field is not UTF-8: what stands there must be read with care. */
static void mark_escaped(struct writer *w, const char *name)
{
	buffer_print(&w->escaped, "%s\"%s\"", w->escaped.len ? "," : "", name);
}

static void put_string(struct writer *w, const char *name, struct bytes value)
{
	put_name(w, name);
	buffer_text(w->to, "\"");
	if (escape_json(w->to, value))
		mark_escaped(w, name);
	buffer_text(w->to, "\"");
}

static void put_text(struct writer *w, const char *name, const char *value)
{
	put_string(w, name, bytes_of_text(value));
}

/* Separated or terminated parts as an array of strings. The mark is one for all of them. */
static void put_list(struct writer *w, const char *name, struct bytes parts, uint8_t separator)
{
	bool foreign = !utf8_is_valid(parts), more = false;
	size_t from = 0;

	if (foreign)
		mark_escaped(w, name);

	put_name(w, name);
	buffer_text(w->to, "[");
	for (size_t i = 0; i <= parts.len; i++) {
		if (i < parts.len ? parts.data[i] != separator : from == parts.len)
			continue;
		buffer_text(w->to, more ? ",\"" : "\"");
		escape_json_as(w->to, bytes_of(parts.data + from, i - from), foreign);
		buffer_text(w->to, "\"");
		more = true;
		from = i + 1;
	}
	buffer_text(w->to, "]");
}

static void put_hex(struct writer *w, const char *name, const uint8_t *data, size_t len)
{
	put_name(w, name);
	buffer_text(w->to, "\"");
	for (size_t i = 0; i < len; i++)
		buffer_print(w->to, "%02x", data[i]);
	buffer_text(w->to, "\"");
}

/* --- fields in a shape of their own
 * --------------------------------------------------------------- */

/* Bits that nobody has a name for, at the end of a list of names. */
static void put_unnamed(struct writer *w, uint64_t bits, bool more)
{
	if (bits)
		buffer_print(w->to, "%s\"0x%llx\"", more ? "," : "", (unsigned long long)bits);
}

static void put_flags(struct writer *w, const char *name)
{
	bool more = false;

	put_name(w, name);
	buffer_text(w->to, "[");
	for (unsigned int i = 0; i < RECORD_FLAGS; i++) {
		if (!(w->record->flags & 1u << i))
			continue;
		buffer_print(w->to, "%s\"%s\"", more ? "," : "", record_flag_name(i));
		more = true;
	}
	put_unnamed(w, w->record->flags >> RECORD_FLAGS << RECORD_FLAGS, more);
	buffer_text(w->to, "]");
}

static void put_open_flags(struct writer *w, const char *name)
{
	const char *word;
	bool set, more = false;

	put_name(w, name);
	buffer_text(w->to, "[");
	for (unsigned int i = 0; (word = output_open_flag(i, w->record->open_flags, &set)); i++) {
		if (!set)
			continue;
		buffer_print(w->to, "%s\"%s\"", more ? "," : "", word);
		more = true;
	}
	put_unnamed(w, output_open_rest(w->record->open_flags), more);
	buffer_text(w->to, "]");
}

static void put_result(struct writer *w, const char *name)
{
	int64_t result = w->record->result;

	put_signed(w, name, result);
	if (w->record->kind == RECORD_LOGIN && result) {
		put_name(w, "error");
		buffer_text(w->to, "\"");
		output_pam_result(w->to, (uint32_t)result);
		buffer_text(w->to, "\"");
		return;
	}
	if (w->record->kind == RECORD_EXIT || result >= 0 || result < -4095)
		return;
	put_name(w, "error");
	buffer_text(w->to, "\"");
	output_errno(w->to, (int)-result);
	buffer_text(w->to, "\"");
}

static void put_call(struct writer *w, const char *name)
{
	const char *call = record_call_name(w->record->call);

	if (call && *call)
		put_text(w, name, call);
}

static void put_cred_object(struct writer *w, const char *name, const struct record_cred *c)
{
	put_name(w, name);
	buffer_print(w->to,
		     "{\"uid\":%u,\"gid\":%u,\"suid\":%u,\"sgid\":%u,\"euid\":%u,\"egid\":%u,"
		     "\"fsuid\":%u,\"fsgid\":%u,\"cap_effective\":\"%016llx\","
		     "\"cap_permitted\":\"%016llx\"}",
		     c->uid, c->gid, c->suid, c->sgid, c->euid, c->egid, c->fsuid, c->fsgid,
		     (unsigned long long)c->effective, (unsigned long long)c->permitted);
}

static void put_cred(struct writer *w, const char *name)
{
	const struct record_cred *c = &w->record->cred;

	(void)name;
	put_number(w, "uid", c->uid);
	put_number(w, "euid", c->euid);
	put_number(w, "gid", c->gid);
	put_number(w, "egid", c->egid);
	if (w->record->kind == RECORD_SETUID || w->record->kind == RECORD_EXEC ||
	    w->record->kind == RECORD_CAPSET)
		put_cred_object(w, "new_cred", c);
}

static void put_old_cred(struct writer *w, const char *name)
{
	put_cred_object(w, name, &w->record->old_cred);
}

static void put_actor(struct writer *w, const char *name)
{
	const struct record *r = w->record;
	const char *kind = record_actor_name(r->actor), *how = record_how_name(r->how);

	put_name(w, name);
	buffer_text(w->to, "{");
	w->started = false;
	put_text(w, "kind", kind ? kind : "?");
	if (r->user.len)
		put_string(w, "user", r->user);
	put_number(w, "auid", r->auid);
	put_number(w, "session", r->session);
	if (r->acting_as.len)
		put_string(w, "acting_as", r->acting_as);
	put_list(w, "via", r->via, 0);
	put_text(w, "how", how ? how : "?");
	buffer_text(w->to, "}");
	w->started = true;
}

static void put_container(struct writer *w, const char *name)
{
	if (!w->record->container.len)
		return;
	put_name(w, name);
	buffer_text(w->to, "{");
	w->started = false;
	put_string(w, "id", w->record->container);
	buffer_text(w->to, "}");
	w->started = true;
}

static void put_nothing(struct writer *w, const char *name)
{
	(void)w;
	(void)name;
}

static void put_claimed(struct writer *w, const char *name)
{
	if (w->record->claimed.len)
		put_string(w, name, w->record->claimed);
}

static void put_path(struct writer *w, const char *name)
{
	uint8_t kind = w->record->kind;

	if (w->record->path.len || kind == RECORD_OPEN || kind == RECORD_EXEC)
		put_string(w, name, w->record->path);
}

static void put_argv(struct writer *w, const char *name)
{
	put_list(w, name, w->record->argv, 0);
}

/* "253:1", as ls and stat write it. */
static void put_device(struct writer *w, const char *name)
{
	put_name(w, name);
	buffer_print(w->to, "\"%u:%u\"", w->record->device >> 20, w->record->device & 0xfffff);
}

static void put_mode(struct writer *w, const char *name)
{
	put_name(w, name);
	buffer_print(w->to, "\"%06o\"", w->record->mode);
}

/* Before the call; left out where nobody knows. */
static void put_old_mode(struct writer *w, const char *name)
{
	if (!w->record->old_mode)
		return;
	put_name(w, name);
	buffer_print(w->to, "\"%06o\"", w->record->old_mode);
}

static void put_old_owner(struct writer *w, const char *name)
{
	if (w->record->old_mode)
		put_number(w, name, w->record->old_owner);
}

static void put_old_group(struct writer *w, const char *name)
{
	if (w->record->old_mode)
		put_number(w, name, w->record->old_group);
}

static void put_family(struct writer *w, const char *name)
{
	put_name(w, name);
	buffer_text(w->to, "\"");
	output_family(w->to, w->record->family);
	buffer_text(w->to, "\"");
}

static void put_protocol(struct writer *w, const char *name)
{
	put_name(w, name);
	buffer_text(w->to, "\"");
	output_protocol(w->to, w->record->protocol);
	buffer_text(w->to, "\"");
}

static void put_address(struct writer *w, const char *name)
{
	struct buffer text = { 0 };

	output_address(&text, w->record);
	put_string(w, name, bytes_of(text.data, text.len));
	buffer_free(&text);
}

static void put_ring(struct writer *w, const char *name)
{
	const char *ring = record_ring_name(w->record->ring);

	put_text(w, name, ring ? ring : "?");
}

static void put_lost_family(struct writer *w, const char *name)
{
	const char *family = record_family_name(w->record->lost_family);

	(void)name;
	put_text(w, "lost_family", family ? family : "all");
}

static void put_reason(struct writer *w, const char *name)
{
	put_text(w, name,
		 w->record->kind == RECORD_LOSS ? output_loss_reason(w->record->reason)
						: output_disturbance(w->record->reason));
}

static void put_canary(struct writer *w, const char *name)
{
	static const char *const words[] = { "none", "seen", "late" };

	put_text(w, name, w->record->canary <= CANARY_LATE ? words[w->record->canary] : "?");
}

/* seq by ring, then the counts by family. */
static void put_counters(struct writer *w, const char *name)
{
	uint64_t v[RECORD_VALUES], *f = v + RECORD_RINGS;

	(void)name;
	if (record_unpack(w->record->values, v, sizeof(v) / sizeof(v[0])) !=
	    sizeof(v) / sizeof(v[0]))
		return;
	put_name(w, "seen");
	buffer_text(w->to, "{");
	for (unsigned int i = 0; i < RECORD_RINGS; i++)
		buffer_print(w->to, "%s\"%s\":%llu", i ? "," : "", record_ring_name(i),
			     (unsigned long long)v[i]);
	buffer_text(w->to, "}");
	put_name(w, "families");
	buffer_text(w->to, "{");
	for (unsigned int i = 0; i < RECORD_FAMILIES; i++, f += RECORD_COUNTS)
		buffer_print(
			w->to,
			"%s\"%s\":{\"sent\":%llu,\"lost\":%llu,\"filtered\":%llu,"
			"\"folded\":%llu,\"withheld\":%llu}",
			i ? "," : "", record_family_name(i), (unsigned long long)f[COUNT_SENT],
			(unsigned long long)f[COUNT_LOST], (unsigned long long)f[COUNT_FILTERED],
			(unsigned long long)f[COUNT_FOLDED], (unsigned long long)f[COUNT_WITHHELD]);
	buffer_text(w->to, "}");
}

static void put_fill(struct writer *w, const char *name)
{
	uint64_t v[RECORD_RINGS];

	if (record_unpack(w->record->fill, v, RECORD_RINGS) != RECORD_RINGS)
		return;
	put_name(w, name);
	buffer_print(w->to, "[%llu,%llu,%llu]", (unsigned long long)v[0], (unsigned long long)v[1],
		     (unsigned long long)v[2]);
}

static void put_root(struct writer *w, const char *name)
{
	put_hex(w, name, w->record->root.data, w->record->root.len);
}

static void put_why(struct writer *w, const char *name)
{
	if (w->record->why.len)
		put_string(w, name, w->record->why);
}

static void put_programs(struct writer *w, const char *name)
{
	put_list(w, name, w->record->programs, '\n');
}

static void put_parts(struct writer *w, const char *name)
{
	struct buffer text = { 0 };

	output_alert(&text, w->record);
	put_string(w, "text", bytes_of(text.data, text.len));
	buffer_free(&text);
	put_name(w, name);
	if (output_alert_parts(w->to, w->record))
		mark_escaped(w, name);
}

/* The word for a number, where there is one. */
static void put_word(struct writer *w, const char *name, uint64_t value)
{
	struct buffer word = { 0 };

	if (output_number(&word, name, value))
		put_string(w, name, bytes_of(word.data, word.len));
	else
		put_number(w, name, value);
	buffer_free(&word);
}

static const struct {
	const char *field;
	void (*put)(struct writer *w, const char *name);
} shapes[] = {
	{ "time", put_nothing }, /* stands in front of all */
	{ "boot_id", put_nothing },
	{ "host", put_nothing },
	{ "flags", put_flags },
	{ "open_flags", put_open_flags },
	{ "result", put_result },
	{ "call", put_call },
	{ "cred", put_cred },
	{ "old_cred", put_old_cred },
	{ "actor", put_actor },
	{ "how", put_nothing }, /* in actor */
	{ "user", put_nothing },
	{ "acting_as", put_nothing },
	{ "via", put_nothing },
	{ "container", put_container },
	{ "claimed", put_claimed },
	{ "path", put_path },
	{ "argv", put_argv },
	{ "device", put_device },
	{ "old_mode", put_old_mode },
	{ "old_owner", put_old_owner },
	{ "old_group", put_old_group },
	{ "mode", put_mode },
	{ "family", put_family },
	{ "protocol", put_protocol },
	{ "addr", put_address },
	{ "ring", put_ring },
	{ "lost_family", put_lost_family },
	{ "reason", put_reason },
	{ "canary", put_canary },
	{ "values", put_counters },
	{ "fill", put_fill },
	{ "programs", put_programs },
	{ "parts", put_parts },
	{ "root", put_root },
	{ "why", put_why },
};

static bool put_shaped(struct writer *w, const char *name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (strcmp(shapes[i].field, name) == 0) {
			shapes[i].put(w, name);
			return true;
		}
	}
	return false;
}

static void put_field(struct writer *w, const struct record_field *f)
{
	const void *member = (const uint8_t *)w->record + f->offset;

	switch ((enum record_form)f->form) {
	case FORM_U8:
		put_number(w, f->name, *(const uint8_t *)member);
		break;
	case FORM_U32:
		put_number(w, f->name, *(const uint32_t *)member);
		break;
	case FORM_U64:
	case FORM_BE64:
		put_word(w, f->name, *(const uint64_t *)member);
		break;
	case FORM_S64:
		put_signed(w, f->name, *(const int64_t *)member);
		break;
	case FORM_BYTES:
		put_string(w, f->name, *(const struct bytes *)member);
		break;
	case FORM_CRED:
		put_cred_object(w, f->name, member);
		break;
	case FORM_RAW16:
		put_hex(w, f->name, member, 16);
		break;
	}
}

void output_json(struct buffer *to, const struct output_entry *entry)
{
	const struct record_type *type = record_type(entry->record->kind);
	struct writer w = { .to = to, .entry = entry, .record = entry->record };

	buffer_text(to, "{");
	put_number(&w, "index", entry->index);
	put_name(&w, "time");
	buffer_text(to, "\"");
	output_time(to, entry->record->time);
	buffer_text(to, "\"");
	put_text(&w, "kind", type->name);
	put_text(&w, "host", entry->context->host);
	put_text(&w, "boot_id", entry->context->boot_id);
	for (const struct record_field *f = type->fields; f->name; f++) {
		if (!put_shaped(&w, f->name))
			put_field(&w, f);
	}
	if (entry->hash)
		put_hex(&w, "hash", entry->hash, 32);
	if (w.escaped.len) {
		put_name(&w, "escaped");
		buffer_print(to, "[%s]", w.escaped.data);
	}
	buffer_text(to, "}\n");
	buffer_free(&w.escaped);
}
