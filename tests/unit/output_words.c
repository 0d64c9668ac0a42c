// SPDX-License-Identifier: Apache-2.0
/* Numbers of the kernel's interfaces as words. */
#include "base_test.h"

#include <errno.h>

#include "output/output.h"

static struct buffer b;

static void teardown(void)
{
	buffer_free(&b);
}

#define ASSERT_WORD(call, wanted)                                                                  \
	do {                                                                                       \
		buffer_clear(&b);                                                                  \
		call;                                                                              \
		ck_assert_str_eq(b.data, wanted);                                                  \
	} while (0)

START_TEST(times)
{
	ASSERT_WORD(output_time(&b, 0), "1970-01-01T00:00:00.000000000Z");
	ASSERT_WORD(output_time(&b, 951782400999999999), "2000-02-29T00:00:00.999999999Z");
	ASSERT_WORD(output_time(&b, UINT64_MAX), "2554-07-21T23:34:33.709551615Z");
}
END_TEST

START_TEST(families_and_protocols)
{
	ASSERT_WORD(output_family(&b, 1), "unix");
	ASSERT_WORD(output_family(&b, 2), "inet");
	ASSERT_WORD(output_family(&b, 10), "inet6");
	ASSERT_WORD(output_family(&b, 16), "netlink");
	ASSERT_WORD(output_family(&b, 65535), "65535");
	ASSERT_WORD(output_protocol(&b, 6), "tcp");
	ASSERT_WORD(output_protocol(&b, 17), "udp");
	ASSERT_WORD(output_protocol(&b, 262), "mptcp");
	ASSERT_WORD(output_protocol(&b, 4294967295), "4294967295");
}
END_TEST

START_TEST(error_numbers)
{
	ASSERT_WORD(output_errno(&b, EPERM), "EPERM");
	ASSERT_WORD(output_errno(&b, EAGAIN), "EAGAIN");
	ASSERT_WORD(output_errno(&b, EINPROGRESS), "EINPROGRESS");
	ASSERT_WORD(output_errno(&b, 41), "E41"); /* a hole in the numbers */
	ASSERT_WORD(output_errno(&b, 512), "E512");
	ASSERT_WORD(output_errno(&b, 4095), "E4095");
}
END_TEST

START_TEST(every_open_flag_has_one_bit_and_one_name)
{
	uint32_t named = 3;
	bool set;

	for (uint32_t mode = 0; mode < 4; mode++) {
		static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR",
						     "O_ACCMODE" };

		ck_assert_str_eq(output_open_flag(0, mode | 0100, &set), modes[mode]);
		ck_assert(set);
	}
	for (int bit = 2; bit < 32; bit++) {
		unsigned int names = 0;

		for (unsigned int i = 1; output_open_flag(i, 1u << bit, &set); i++) {
			names += set;
			named |= set ? 1u << bit : 0;
		}
		ck_assert_uint_le(names, 1);
		ck_assert_uint_eq(output_open_rest(1u << bit), names ? 0 : 1u << bit);
	}
	ck_assert_uint_eq(output_open_rest(UINT32_MAX), ~named);
	ck_assert_uint_eq(output_open_rest(named), 0);
	/* what a 64-bit C library shows for these is the kernel's word */
	ck_assert_uint_eq(named & (O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK | O_CLOEXEC |
				   O_DIRECTORY | O_NOFOLLOW),
			  O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK | O_CLOEXEC |
				  O_DIRECTORY | O_NOFOLLOW);
	ck_assert_ptr_null(output_open_flag(100, 0, &set));
}
END_TEST

START_TEST(loss_reasons)
{
	ck_assert_str_eq(output_loss_reason(LOSS_RING_FULL), "ring full");
	ck_assert_str_eq(output_loss_reason(LOSS_PROGRAM_SKIPPED), "program skipped");
	ck_assert_str_eq(output_disturbance(DISTURBED_STALLED), "stood still");
	ck_assert_str_eq(output_disturbance(DISTURBED_SETTINGS), "settings edited");
	ck_assert_str_eq(output_disturbance(DISTURBANCES), "?");
	ck_assert_str_eq(output_loss_reason(LOSS_WITHHELD), "withheld from a flood");
	ck_assert_str_eq(output_loss_reason(77), "?");
}
END_TEST

static struct record address(uint32_t family, const void *data, size_t len)
{
	return (struct record){ .kind = RECORD_CONNECT,
				.family = family,
				.address = bytes_of(data, len) };
}

START_TEST(addresses)
{
	struct record r = address(2, "\xff\0\x01\x02", 4);

	ASSERT_WORD(output_address(&b, &r), "255.0.1.2");
	r = address(10, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	ASSERT_WORD(output_address(&b, &r), "::ffff:127.0.0.1");
	r = address(10, "\xfe\x80\0\0", 4); /* too short to be one */
	ASSERT_WORD(output_address(&b, &r), "fe800000");
	r = address(1, "/run/x", 6);
	ASSERT_WORD(output_address(&b, &r), "/run/x");
	r = address(1, "\0abs", 4);
	ASSERT_WORD(output_address(&b, &r), "@abs");
	r = address(1, "\0", 1);
	ASSERT_WORD(output_address(&b, &r), "@");
	r = address(16, "\x10\0", 2);
	ASSERT_WORD(output_address(&b, &r), "1000");
	buffer_free(&b);
	r = address(1, NULL, 0);
	output_address(&b, &r);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(context_is_cut_to_its_room)
{
	struct output_context c = { .host = "old" };
	struct record r = { .kind = RECORD_EXIT, .host = bytes_of_text("no start") };
	char long_name[1000];

	output_follow(&c, &r);
	ck_assert_str_eq(c.host, "old");
	memset(long_name, 'n', sizeof(long_name));
	r.kind = RECORD_START;
	r.host = bytes_of(long_name, sizeof(long_name));
	output_follow(&c, &r);
	ck_assert_uint_eq(strlen(c.host), sizeof(c.host) - 1);
	r.host = bytes_of(NULL, 0);
	output_follow(&c, &r);
	ck_assert_str_eq(c.host, "");
	ck_assert_str_eq(c.boot_id, "00000000-0000-0000-0000-000000000000");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		times,
		families_and_protocols,
		error_numbers,
		every_open_flag_has_one_bit_and_one_name,
		loss_reasons,
		addresses,
		context_is_cut_to_its_room,
	};

	return RUN_TESTS_WITH("output_words", tests, NULL, teardown);
}
