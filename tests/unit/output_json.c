// SPDX-License-Identifier: Apache-2.0
/* Records as JSON: one object a line whatever stands in them, and the bytes can be found again. */
#define _GNU_SOURCE
#include "base_fuzz.h"
#include "output_parse.h"
#include "record_make.h"

#include "../fuzz/output.c"
#include "score/alert.h"

static struct output_context context;
static struct buffer line;

static void setup(void)
{
	context = (struct output_context){ .host = "h", .boot_id = "b" };
}

static void teardown(void)
{
	buffer_free(&line);
}

static struct bytes render(const struct record *r)
{
	struct output_entry entry = { 42, NULL, r, &context };

	buffer_clear(&line);
	output_json(&line, &entry);
	ck_assert_msg(is_json_line(line.data, line.len), "%s", line.data);
	return bytes_of(line.data, line.len - 1);
}

static const char *got(const struct record *r, const char *path)
{
	static char text[65536];
	struct bytes value = json_get(render(r), path);

	snprintf(text, sizeof(text), "%.*s", value.data ? (int)value.len : 4,
		 value.data ? (const char *)value.data : "none");
	return text;
}

#define ASSERT_JSON(record, path, wanted) ck_assert_str_eq(got(record, path), wanted)

static struct record event(uint8_t kind)
{
	return (struct record){ .kind = kind, .auid = RECORD_UNSET, .session = RECORD_UNSET };
}

/* --- shapes ---------------------------------------------------------------------------------- */

START_TEST(every_record_is_one_object)
{
	const struct record_type *type;
	uint64_t seed = 1;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		struct record empty = { .kind = type->kind };

		render(&empty);
		for (int turn = 0; turn < 100; turn++) {
			struct record r = chance_record(&seed, type->kind);

			render(&r);
			ASSERT_JSON(&r, "index", "42");
		}
	}
}
END_TEST

START_TEST(names_of_an_event_are_what_they_were)
{
	static const char *const names[] = {
		"index",      "time",	    "kind",	 "host",       "boot_id",	"run",
		"ring",	      "cpu",	    "seq",	 "flags",      "call",		"pid",
		"tid",	      "ppid",	    "start",	 "auid",       "session",	"cgroup",
		"mount_ns",   "uid",	    "euid",	 "gid",	       "egid",		"comm",
		"exe",	      "actor",	    "path",	 "inode",      "device",	"mode",
		"result",     "actor.kind", "actor.how", "actor.auid", "actor.session", "actor.via",
		"open_flags",
	};
	struct record r = event(RECORD_OPEN);

	r.call = RECORD_CALL_OPENAT;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(json_get(render(&r), names[i]).data != NULL, "%s", names[i]);
	ASSERT_JSON(&r, "container", "none");
	ASSERT_JSON(&r, "claimed", "none");
	ASSERT_JSON(&r, "escaped", "none");
	ASSERT_JSON(&r, "hash", "none");
	ASSERT_JSON(&r, "error", "none");
}
END_TEST

START_TEST(results_and_errors)
{
	struct record r = event(RECORD_OPEN);

	r.result = -13;
	ASSERT_JSON(&r, "result", "-13");
	ASSERT_JSON(&r, "error", "\"EACCES\"");
	r.result = 3;
	ASSERT_JSON(&r, "error", "none");
	r.result = -512; /* ERESTARTSYS has no name in user space */
	ASSERT_JSON(&r, "error", "\"E512\"");
	r.result = -4096;
	ASSERT_JSON(&r, "error", "none");
	r.result = INT64_MIN;
	ASSERT_JSON(&r, "result", "-9223372036854775808");
	r = event(RECORD_EXIT);
	r.result = -13; /* no error number */
	ASSERT_JSON(&r, "error", "none");
}
END_TEST

START_TEST(credentials_are_objects_of_numbers)
{
	struct record r = event(RECORD_SETUID);

	r.cred = (struct record_cred){ 1, 2, 3, 4, 5, 6, 7, 8, 0x1ffffffffff, 9 };
	r.old_cred.uid = UINT32_MAX;
	ASSERT_JSON(&r, "new_cred",
		    "{\"uid\":1,\"gid\":2,\"suid\":3,\"sgid\":4,\"euid\":5,\"egid\":6,\"fsuid\":7,"
		    "\"fsgid\":8,\"cap_effective\":\"000001ffffffffff\","
		    "\"cap_permitted\":\"0000000000000009\"}");
	ASSERT_JSON(&r, "old_cred.uid", "4294967295");
	ASSERT_JSON(&r, "uid", "1");
	ASSERT_JSON(&r, "euid", "5");
	ASSERT_JSON(&r, "gid", "2");
	ASSERT_JSON(&r, "egid", "6");
}
END_TEST

START_TEST(flags_are_names_and_what_has_none_is_not_left_out)
{
	struct record r = event(RECORD_OPEN);

	ASSERT_JSON(&r, "flags", "[]");
	r.flags = RECORD_UNVERIFIED | RECORD_COMPAT;
	ASSERT_JSON(&r, "flags", "[\"unverified\",\"compat\"]");
	r.flags = RECORD_BIND_MOUNT | 1ull << 14 | 1ull << 63;
	ASSERT_JSON(&r, "flags", "[\"bind\",\"0x8000000000004000\"]");
	r.open_flags = 02101;
	ASSERT_JSON(&r, "open_flags", "[\"O_WRONLY\",\"O_CREAT\",\"O_APPEND\"]");
	r.open_flags = 020000 | 1u << 30;
	ASSERT_JSON(&r, "open_flags", "[\"O_RDONLY\",\"O_ASYNC\",\"0x40000000\"]");
}
END_TEST

START_TEST(numbers_with_a_shape_of_their_own)
{
	struct record r = event(RECORD_OPEN);

	r.device = 253u << 20 | 1;
	r.mode = 0100644;
	r.inode = UINT64_MAX;
	ASSERT_JSON(&r, "device", "\"253:1\"");
	ASSERT_JSON(&r, "mode", "\"100644\"");
	ASSERT_JSON(&r, "inode", "18446744073709551615");
	r.ring = 1;
	ASSERT_JSON(&r, "ring", "\"credential\"");
	r.ring = 9;
	ASSERT_JSON(&r, "ring", "\"?\"");
	r.time = 1767225600000000001;
	ASSERT_JSON(&r, "time", "\"2026-01-01T00:00:00.000000001Z\"");
	r.actor = 200;
	r.how = 200;
	ASSERT_JSON(&r, "actor.kind", "\"?\"");
	ASSERT_JSON(&r, "actor.how", "\"?\"");
	r.call = 1ull << 40;
	ASSERT_JSON(&r, "call", "none");
}
END_TEST

START_TEST(lists_keep_every_part)
{
	struct record r = event(RECORD_EXEC);

	ASSERT_JSON(&r, "argv", "[]");
	r.argv = bytes_of("ls\0-l\0\0a b\0", 11);
	ASSERT_JSON(&r, "argv", "[\"ls\",\"-l\",\"\",\"a b\"]");
	r.argv = bytes_of("\0", 1);
	ASSERT_JSON(&r, "argv", "[\"\"]");
	r.argv = bytes_of("cut\0of", 6); /* truncated: no NUL at the end */
	ASSERT_JSON(&r, "argv", "[\"cut\",\"of\"]");
	r.via = bytes_of("sshd\0bash", 9);
	ASSERT_JSON(&r, "actor.via", "[\"sshd\",\"bash\"]");
	r = event(RECORD_START);
	r.programs = bytes_of_text("a:1:x\nb:2:y\n");
	ASSERT_JSON(&r, "programs", "[\"a:1:x\",\"b:2:y\"]");
	r.programs = bytes_of_text("a:1:x\nb:2");
	ASSERT_JSON(&r, "programs", "[\"a:1:x\",\"b:2\"]");
}
END_TEST

START_TEST(addresses)
{
	struct record r = event(RECORD_CONNECT);

	r.family = 2;
	r.address = bytes_of("\x7f\0\0\1", 4);
	r.port = 443;
	r.protocol = 6;
	ASSERT_JSON(&r, "addr", "\"127.0.0.1\"");
	ASSERT_JSON(&r, "port", "443");
	ASSERT_JSON(&r, "family", "\"inet\"");
	ASSERT_JSON(&r, "protocol", "\"tcp\"");
	ASSERT_JSON(&r, "path", "none");
	r.family = 10;
	r.address = bytes_of("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	ASSERT_JSON(&r, "addr", "\"2001:db8::1\"");
	r.family = 1;
	r.address = bytes_of("\0a\0b", 4);
	ASSERT_JSON(&r, "addr", "\"@a\\u0000b\"");
	r.address = bytes_of_text("/run/x");
	r.path = bytes_of_text("/run/x");
	ASSERT_JSON(&r, "addr", "\"/run/x\"");
	ASSERT_JSON(&r, "path", "\"/run/x\"");
	r.family = 99;
	r.address = bytes_of("\x01\xff", 2);
	ASSERT_JSON(&r, "family", "\"99\"");
	ASSERT_JSON(&r, "addr", "\"01ff\"");
	r.family = 2; /* not four bytes */
	ASSERT_JSON(&r, "addr", "\"01ff\"");
}
END_TEST

START_TEST(numbers_with_words)
{
	static const struct {
		uint8_t kind;
		uint64_t first;
		const char *field, *json;
	} cases[] = {
		{ RECORD_BPF, 5, "command", "\"prog_load\"" },
		{ RECORD_BPF, 99, "command", "\"99\"" },
		{ RECORD_PTRACE, 16, "request", "\"attach\"" },
		{ RECORD_PTRACE, 0x4206, "request", "\"seize\"" },
		{ RECORD_PTRACE, 7, "request", "\"7\"" },
		{ RECORD_NAMESPACE, 0, "namespaces", "\"any\"" },
		{ RECORD_NAMESPACE, 0x50020000, "namespaces", "\"mnt|user|net\"" },
		{ RECORD_NAMESPACE, 0x40000001, "namespaces", "\"net|0x1\"" },
		{ RECORD_SIGNAL, 9, "signal", "\"SIGKILL\"" },
		{ RECORD_SIGNAL, 1000, "signal", "\"1000\"" },
		{ RECORD_CHMOD, 04755, "new_mode", "\"4755\"" },
		{ RECORD_MOUNT, 0x1002, "call_flags", "\"0x1002\"" },
		{ RECORD_TRUNCATE, 1ull << 40, "length", "1099511627776" },
		{ RECORD_CHOWN, UINT32_MAX, "owner", "4294967295" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r = { .kind = cases[i].kind, .argument = { cases[i].first } };

		ASSERT_JSON(&r, cases[i].field, cases[i].json);
	}
}
END_TEST

START_TEST(counters_by_ring_and_family)
{
	uint8_t values[RECORD_VALUES * VARINT_MAX], *p = values;
	struct record r = { .kind = RECORD_COUNTERS };

	for (uint64_t i = 1; i <= RECORD_VALUES; i++)
		p = put_varint(p, i * 1000);
	r.values = bytes_of(values, (size_t)(p - values));
	ASSERT_JSON(&r, "seen", "{\"main\":1000,\"credential\":2000,\"self\":3000}");
	ASSERT_JSON(&r, "families.process",
		    "{\"sent\":4000,\"lost\":5000,\"filtered\":6000,\"folded\":7000,"
		    "\"withheld\":8000}");
	ASSERT_JSON(&r, "families.self.lost", "25000");
	ASSERT_JSON(&r, "families.permission.sent", "29000");
	ASSERT_JSON(&r, "families.login.filtered", "41000");
	r.values.len--;
	ASSERT_JSON(&r, "seen", "none");
	r = (struct record){ .kind = RECORD_HEARTBEAT, .canary = CANARY_LATE };
	ASSERT_JSON(&r, "canary", "\"late\"");
	r.fill = bytes_of("\1\2\3", 3);
	ASSERT_JSON(&r, "fill", "[1,2,3]");
	r.canary = 77;
	ASSERT_JSON(&r, "canary", "\"?\"");
	r = (struct record){ .kind = RECORD_ARCHIVE, .root = bytes_of("\1\xab", 2), .result = -28 };
	ASSERT_JSON(&r, "root", "\"01ab\"");
	ASSERT_JSON(&r, "error", "\"ENOSPC\"");
	ASSERT_JSON(&r, "why", "none");
	r.why = bytes_of_text("no room");
	ASSERT_JSON(&r, "why", "\"no room\"");
	r = (struct record){ .kind = RECORD_LOSS, .lost_family = 1, .reason = LOSS_RING_FULL };
	ASSERT_JSON(&r, "lost_family", "\"file\"");
	ASSERT_JSON(&r, "reason", "\"ring full\"");
	r.kind = RECORD_DISTURBED;
	r.reason = DISTURBED_RING;
	r.count = 6;
	ASSERT_JSON(&r, "reason", "\"ring moved\"");
	ASSERT_JSON(&r, "lost", "6");
	r.kind = RECORD_LOSS;
	r.reason = 77;
	r.lost_family = RECORD_FAMILIES;
	ASSERT_JSON(&r, "lost_family", "\"all\"");
	ASSERT_JSON(&r, "reason", "\"?\"");
}
END_TEST

START_TEST(context_follows_the_start)
{
	struct record start = { .kind = RECORD_START, .host = bytes_of_text("web\"1") },
		      other = { 0 };

	for (int i = 0; i < 16; i++)
		start.boot_id[i] = (uint8_t)(i * 17);
	output_follow(&context, &start);
	other = event(RECORD_EXIT);
	output_follow(&context, &other);
	ASSERT_JSON(&other, "host", "\"web\\\"1\"");
	ASSERT_JSON(&other, "boot_id", "\"00112233-4455-6677-8899-aabbccddeeff\"");
}
END_TEST

START_TEST(hash_is_hexadecimal)
{
	uint8_t hash[32];
	struct record r = event(RECORD_EXIT);
	struct output_entry entry = { 1, hash, &r, &context };

	for (int i = 0; i < 32; i++)
		hash[i] = (uint8_t)(255 - i);
	output_json(&line, &entry);
	ck_assert(is_json_line(line.data, line.len));
	ck_assert_ptr_nonnull(strstr(line.data, ",\"hash\":\"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"
						"efeeedecebeae9e8e7e6e5e4e3e2e1e0\"}"));
}
END_TEST

/* --- hostile bytes --------------------------------------------------------------------------- */

static bool is_escaped(struct bytes object, const char *name)
{
	struct bytes list = json_get(object, "escaped");
	char quoted[64];
	int n = snprintf(quoted, sizeof(quoted), "\"%s\"", name);

	return list.len && memmem(list.data, list.len, quoted, (size_t)n);
}

/* The bytes behind a string in the object. */
static struct buffer bytes_behind(struct bytes object, const char *path, const char *mark)
{
	struct bytes value = json_get(object, path);
	struct buffer text = { 0 }, back = { 0 };

	ck_assert_msg(value.len >= 2 && value.data[0] == '"', "%s", path);
	ck_assert(json_value(&text, (const char *)value.data + 1, value.len - 2));
	if (!is_escaped(object, mark))
		return text;
	ck_assert(undo_hex(&back, text.data, text.len));
	buffer_free(&text);
	return back;
}

static void assert_behind(const struct record *r, const char *path, const char *mark,
			  struct bytes wanted)
{
	struct buffer b = bytes_behind(render(r), path, mark);

	ck_assert_msg(bytes_equal(bytes_of(b.data, b.len), wanted), "%s in %s", path, line.data);
	buffer_free(&b);
}

START_TEST(the_bytes_of_every_field_can_be_found_again)
{
	uint64_t seed = 3;

	for (int i = 0; i < 200; i++) {
		struct record r = chance_record(&seed, RECORD_EXEC);

		r.user.len += !r.user.len;
		r.acting_as.len += !r.acting_as.len;
		r.claimed.len += !r.claimed.len;
		r.container.len += !r.container.len;
		assert_behind(&r, "comm", "comm", r.comm);
		assert_behind(&r, "exe", "exe", r.exe);
		assert_behind(&r, "path", "path", r.path);
		assert_behind(&r, "claimed", "claimed", r.claimed);
		assert_behind(&r, "cwd", "cwd", r.cwd);
		assert_behind(&r, "actor.user", "user", r.user);
		assert_behind(&r, "actor.acting_as", "acting_as", r.acting_as);
		assert_behind(&r, "container.id", "id", r.container);
	}
}
END_TEST

/* One mark speaks for a whole list: its parts must be escaped alike. */
START_TEST(the_parts_of_a_list_can_be_found_again)
{
	static const char *const lists[] = {
		"\xff\0\\xff\0", "\\xff\0\xff\0", "\\x5c\0\xff\\\0",
		"plain\0\\\0",	 "\xff\0\xff\0",  "\\xff\0\\xff\0",
	};
	static const size_t lengths[] = { 7, 7, 8, 8, 4, 10 };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct record r = event(RECORD_EXEC);
		const char *second = lists[i] + strlen(lists[i]) + 1;

		r.argv = bytes_of(lists[i], lengths[i]);
		assert_behind(&r, "argv.0", "argv", bytes_of_text(lists[i]));
		assert_behind(&r, "argv.1", "argv", bytes_of_text(second));
		r = event(RECORD_EXEC);
		r.via = bytes_of(lists[i], lengths[i] - 1);
		assert_behind(&r, "actor.via.0", "via", bytes_of_text(lists[i]));
		assert_behind(&r, "actor.via.1", "via", bytes_of_text(second));
	}
}
END_TEST

START_TEST(marks_name_the_fields_and_only_those)
{
	struct record r = event(RECORD_EXEC);

	r.argv = bytes_of("\xff\0a\0\xfe\0", 6);
	r.comm = bytes_of_text("\xff");
	r.path = bytes_of_text("fine\\");
	ASSERT_JSON(&r, "escaped", "[\"comm\",\"argv\"]");
	ASSERT_JSON(&r, "path", "\"fine\\\\\"");
}
END_TEST

/* --- alerts ---------------------------------------------------------------------------------- */

static struct record make_alert(const char *token, const char *other)
{
	static uint8_t encoded[PARTS_ENCODED];
	struct alert_parts parts = { .part = { { .feature = FEATURE_PATH,
						 .contribution = -5,
						 .user = 1,
						 .of_user = 2,
						 .peers_with = 3,
						 .peers = 4,
						 .text = bytes_of_text(token) },
					       { .feature = FEATURE_PROGRAM,
						 .text = bytes_of_text(other) },
					       { .feature = PART_DRIFT, .contribution = 7 } },
				     .count = 3 };

	return (struct record){ .kind = RECORD_ALERT,
				.entity = bytes_of_text("alice"),
				.parts = bytes_of(encoded, alert_parts_encode(&parts, encoded)) };
}

START_TEST(alerts_list_their_parts)
{
	struct record r = make_alert("/etc/\"shadow", "x");

	ASSERT_JSON(&r, "parts.0.token", "\"/etc/\\\"shadow\"");
	ASSERT_JSON(&r, "parts.0.contribution", "-5");
	ASSERT_JSON(&r, "parts.0.user", "1");
	ASSERT_JSON(&r, "parts.0.of_user", "2");
	ASSERT_JSON(&r, "parts.0.peers_with", "3");
	ASSERT_JSON(&r, "parts.0.peers", "4");
	ASSERT_JSON(&r, "parts.2.feature", "\"drift\"");
	ASSERT_JSON(&r, "parts.3", "none");
	ASSERT_JSON(&r, "escaped", "none");
	ck_assert(json_get(render(&r), "text").len > 2);
	r.parts.len--;
	ASSERT_JSON(&r, "parts", "[]");
}
END_TEST

START_TEST(tokens_of_an_alert_can_be_found_again)
{
	struct record r = make_alert("/tmp/\xff", "\\xff");

	ASSERT_JSON(&r, "escaped", "[\"parts\"]");
	assert_behind(&r, "parts.0.token", "parts", bytes_of_text("/tmp/\xff"));
	assert_behind(&r, "parts.1.token", "parts", bytes_of_text("\\xff"));
}
END_TEST

START_TEST(no_record_breaks_it)
{
	static uint8_t encoded[FUZZ_SIZE];
	const struct record_type *type;
	uint64_t seed = 9;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		struct record r = chance_record(&seed, type->kind);
		ssize_t n = record_encode(&r, encoded, sizeof(encoded));

		ck_assert_int_gt(n, 0);
		fuzz_around(LLVMFuzzerTestOneInput, encoded, (size_t)n, 500);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_record_is_one_object,
		names_of_an_event_are_what_they_were,
		results_and_errors,
		credentials_are_objects_of_numbers,
		flags_are_names_and_what_has_none_is_not_left_out,
		numbers_with_a_shape_of_their_own,
		lists_keep_every_part,
		addresses,
		counters_by_ring_and_family,
		numbers_with_words,
		context_follows_the_start,
		hash_is_hexadecimal,
		the_bytes_of_every_field_can_be_found_again,
		the_parts_of_a_list_can_be_found_again,
		marks_name_the_fields_and_only_those,
		alerts_list_their_parts,
		tokens_of_an_alert_can_be_found_again,
		no_record_breaks_it,
	};

	return RUN_TESTS_WITH("output_json", tests, setup, teardown);
}
