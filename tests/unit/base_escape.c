// SPDX-License-Identifier: Apache-2.0
/* Hostile bytes made safe: no control byte gets out, and the original can be found again. */
#include "base_fuzz.h"

#define LLVMFuzzerTestOneInput fuzz_text
#include "../fuzz/escape_text.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_json
#include "../fuzz/escape_json.c"

static const char *text_of(const void *data, size_t len)
{
	static struct buffer b;

	buffer_clear(&b);
	buffer_add(&b, NULL, 0);
	escape_text(&b, bytes_of(data, len));
	return b.data;
}

static const char *json_of(const void *data, size_t len)
{
	static struct buffer b;

	buffer_clear(&b);
	buffer_add(&b, NULL, 0);
	escape_json(&b, bytes_of(data, len));
	return b.data;
}

START_TEST(utf8_of_every_one_and_two_bytes)
{
	for (unsigned int a = 0; a < 256; a++) {
		for (unsigned int b = 0; b < 256; b++) {
			const uint8_t p[2] = { (uint8_t)a, (uint8_t)b };

			ENSURE(utf8_length(p, 2) == rfc3629(p, 2));
			ENSURE(utf8_length(p, 1) == rfc3629(p, 1));
		}
	}
	ENSURE(utf8_length(NULL, 0) == 0);
}
END_TEST

START_TEST(utf8_of_every_start_of_three_and_four)
{
	static const uint8_t ends[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff };

	for (unsigned int i = 0; i < 65536 * 36; i++) {
		const uint8_t p[4] = { (uint8_t)(0xe0 | (i & 0x1f)), (uint8_t)(i >> 8),
				       ends[i / 65536 % 6], ends[i / 65536 / 6] };

		for (size_t len = 2; len <= 4; len++)
			ENSURE(utf8_length(p, len) == rfc3629(p, len));
	}
}
END_TEST

START_TEST(utf8_knows_every_code_point)
{
	struct buffer b = { 0 };

	for (uint32_t c = 0; c <= 0x110000; c++) {
		bool is_one = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		buffer_clear(&b);
		add_code_point(&b, c);
		ENSURE(utf8_length((const uint8_t *)b.data, b.len) == (is_one ? b.len : 0));
	}
	buffer_free(&b);
}
END_TEST

START_TEST(utf8_is_valid_looks_at_all_of_it)
{
	ck_assert(utf8_is_valid(bytes_of(NULL, 0)));
	ck_assert(utf8_is_valid(bytes_of_text("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
	ck_assert(!utf8_is_valid(bytes_of_text("abc\xff")));
	ck_assert(!utf8_is_valid(bytes_of_text("\xc3")));
	ck_assert(!utf8_is_valid(bytes_of("a\xe2\x82\xac", 3)));
}
END_TEST

START_TEST(text_escapes_what_is_written_down)
{
	ck_assert_str_eq(text_of("plain text", 10), "plain text");
	ck_assert_str_eq(text_of("", 0), "");
	ck_assert_str_eq(text_of("a\nb\tc\\d", 7), "a\\nb\\tc\\\\d");
	ck_assert_str_eq(text_of("\0\x1b[31m\x7f\r", 8), "\\x00\\x1b[31m\\x7f\\x0d");
	ck_assert_str_eq(text_of("\xff\xc3(", 3), "\\xff\\xc3(");
	ck_assert_str_eq(text_of("\xc3\xa9\xf0\x9f\x98\x80", 6), "\xc3\xa9\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(text_shows_characters_that_hide_or_turn_or_look_like_a_space)
{
	/* C1 controls; what Unicode calls space, separator, default ignorable, bidi control */
	static const uint32_t hidden[] = {
		0xa0,	 0x1680,  0x2000,  0x200a,  0x202f,  0x205f,  0x2800, 0x3000,
		0x80,	 0x85,	  0x9b,	   0x9f,    0xad,    0x34f,   0x61c,  0x115f,
		0x1160,	 0x17b4,  0x180b,  0x180e,  0x200b,  0x200d,  0x200e, 0x200f,
		0x2028,	 0x2029,  0x202a,  0x202e,  0x2060,  0x2066,  0x2069, 0x206f,
		0x3164,	 0xfe00,  0xfe0f,  0xfeff,  0xffa0,  0xfff0,  0xfff9, 0xfffb,
		0x1d173, 0xe0001, 0xe0041, 0xe007f, 0xe0100, 0xe01ef,
	};
	static const uint32_t shown[] = {
		0xa1, 0xe9, 0x5d0, 0x627, 0x3042, 0x4e2d, 0xfffd, 0x1f600
	};
	struct buffer b = { 0 };
	char wanted[16];

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		buffer_clear(&b);
		add_code_point(&b, hidden[i]);
		snprintf(wanted, sizeof(wanted), "\\u{%x}", hidden[i]);
		ck_assert_str_eq(text_of(b.data, b.len), wanted);
	}
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		buffer_clear(&b);
		add_code_point(&b, shown[i]);
		ck_assert_str_eq(text_of(b.data, b.len), b.data);
	}
	buffer_free(&b);
}
END_TEST

START_TEST(json_escapes_what_is_written_down)
{
	ck_assert_str_eq(json_of("a\"b\\c\n\0", 7), "a\\\"b\\\\c\\u000a\\u0000");
	ck_assert_str_eq(json_of("\xc3\xa9\x7f", 3), "\xc3\xa9\\u007f");
	ck_assert_str_eq(json_of("\xff\\", 2), "\\\\xff\\\\x5c");
}
END_TEST

START_TEST(json_strings_that_share_a_mark_are_escaped_alike)
{
	struct buffer b = { 0 };

	escape_json_as(&b, bytes_of_text("\\xff"), true);
	ck_assert_str_eq(b.data, "\\\\x5cxff");
	buffer_clear(&b);
	escape_json_as(&b, bytes_of_text("\\xff"), false);
	ck_assert_str_eq(b.data, "\\\\xff");
	buffer_free(&b);
}
END_TEST

static void check_both(const void *data, size_t len)
{
	fuzz_text(data, len);
	fuzz_json(data, len);
}

START_TEST(every_short_input_can_be_found_again)
{
	uint8_t p[3];

	for (unsigned int i = 0; i < 65536; i++) {
		p[0] = (uint8_t)i;
		p[1] = (uint8_t)(i >> 8);
		check_both(p, 1);
		check_both(p, 2);
	}
	for (unsigned int i = 0; i < 65536; i++) { /* three bytes where it may matter */
		static const uint8_t telling[] = "\\x5cu{}n\"\t\x80\xc3\xe2\xed\xf0\xff\x7f";

		for (int j = 0; j < 3; j++)
			p[j] = telling[(i >> (5 * j) & 31) % sizeof(telling)];
		check_both(p, 3);
	}
}
END_TEST

START_TEST(no_input_breaks_the_escapes)
{
	static const char seed[] =
		"/tmp/\\x41 \\u{202e}\xe2\x80\xae\xff\"\n\x1b]0;x\x07\xf0\x9f\x98\x80";

	fuzz_around(fuzz_text, seed, sizeof(seed), 5000);
	fuzz_around(fuzz_json, seed, sizeof(seed), 5000);
	fuzz_noise(fuzz_text, 300, 2000);
	fuzz_noise(fuzz_json, 300, 2000);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		utf8_of_every_one_and_two_bytes,
		utf8_of_every_start_of_three_and_four,
		utf8_knows_every_code_point,
		utf8_is_valid_looks_at_all_of_it,
		text_escapes_what_is_written_down,
		text_shows_characters_that_hide_or_turn_or_look_like_a_space,
		json_escapes_what_is_written_down,
		json_strings_that_share_a_mark_are_escaped_alike,
		every_short_input_can_be_found_again,
		no_input_breaks_the_escapes,
	};

	return RUN_TESTS("base_escape", tests);
}
