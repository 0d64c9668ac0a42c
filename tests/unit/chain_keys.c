// SPDX-License-Identifier: Apache-2.0
/* Who may take up a chain: key files, modes, machine, lock, versions. */
#include "chain_image.h"

#include <sys/file.h>
#include <sodium.h>

#define IDENTITY_KEY "../D.keys/identity.key"
#define SEAL_KEY     "../D.keys/seal.key"

static void setup(void)
{
	use_test_dir();
	close_chain(open_chain(NULL), 0);
}

static int try_open_as(const struct chain_options *options)
{
	struct chain_opened opened;
	struct chain *chain = NULL;
	int err = chain_open(&chain, options, &opened, &chain_err);

	if (err == 0)
		close_chain(chain, 0);
	else
		ck_assert_str_ne(chain_err.text, "");
	return err;
}

static int try_open(void)
{
	struct chain_options options = test_options();

	return try_open_as(&options);
}

static void assert_refused(int code, const char *text)
{
	ck_assert_int_eq(try_open(), code);
	ck_assert_msg(strstr(chain_err.text, text) != NULL, "\"%s\"", chain_err.text);
}

static void change_byte(const char *name, size_t at, uint8_t flip)
{
	size_t len;
	uint8_t *data = slurp(name, &len);

	ck_assert_uint_lt(at, len);
	data[at] ^= flip;
	spew(name, data, len);
	free(data);
}

/* --- key files ------------------------------------------------------------------------------- */

START_TEST(wrong_mode)
{
	chmod(file_path(SEAL_KEY), 0640);
	assert_refused(-EKEYREJECTED, "seal.key has mode 0640, must be 0600");
	chmod(file_path(SEAL_KEY), 0600);
	chmod(file_path(IDENTITY_KEY), 0400);
	assert_refused(-EKEYREJECTED, "identity.key has mode 0400, must be 0600");
	chmod(file_path(IDENTITY_KEY), 0600);
	chmod(keys_path, 0755);
	assert_refused(-EKEYREJECTED, "D.keys has mode 0755, must be 0700");
	chmod(keys_path, 0700);
	ck_assert_int_eq(try_open(), 0);
}
END_TEST

START_TEST(wrong_owner)
{
	if (geteuid() != 0) {
		printf("SKIP wrong_owner: only root can give a file away\n");
		return;
	}
	ck_assert_int_eq(chown(file_path(SEAL_KEY), 12345, 0), 0);
	assert_refused(-EKEYREJECTED, "seal.key belongs to user 12345, not to user 0");
	ck_assert_int_eq(chown(file_path(SEAL_KEY), 0, 0), 0);
	ck_assert_int_eq(chown(keys_path, 12345, 0), 0);
	assert_refused(-EKEYREJECTED, "D.keys belongs to user 12345");
}
END_TEST

START_TEST(wrong_length)
{
	size_t len;
	uint8_t *identity = slurp(IDENTITY_KEY, &len), *seal = slurp(SEAL_KEY, &len);
	uint8_t longer[1025] = { 0 };

	spew(IDENTITY_KEY, identity, 31);
	assert_refused(-EKEYREJECTED, "identity.key has 31 bytes, must have 32");
	spew(IDENTITY_KEY, longer, 33);
	assert_refused(-EKEYREJECTED, "identity.key has 33 bytes, must have 32");
	spew(IDENTITY_KEY, identity, 32);
	spew(SEAL_KEY, seal, 0);
	assert_refused(-EKEYREJECTED, "seal.key has 0 bytes, must have 1024");
	memcpy(longer, seal, 1024);
	spew(SEAL_KEY, longer, 1025);
	assert_refused(-EKEYREJECTED, "seal.key has 1025 bytes");
	spew(SEAL_KEY, longer, 1024);
	ck_assert_int_eq(try_open(), 0);
	free(identity);
	free(seal);
}
END_TEST

START_TEST(missing_or_no_file)
{
	const char *path = file_path(SEAL_KEY), *aside = file_path("../aside");

	ck_assert_int_eq(rename(path, aside), 0);
	assert_refused(-EKEYREJECTED, "cannot open seal.key");
	ck_assert_int_eq(symlink(aside, path), 0);
	assert_refused(-EKEYREJECTED, "cannot open seal.key");
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(-EKEYREJECTED, "seal.key is not a regular file");
	unlink(path);
	ck_assert_int_eq(rename(aside, path), 0);
	ck_assert_int_eq(try_open(), 0);
	remove_tree(keys_path);
	assert_refused(-EKEYREJECTED, "D.keys");
}
END_TEST

/* Every bit of the key files counts. */
START_TEST(every_bit_of_keys)
{
	const char *name = _i ? SEAL_KEY : IDENTITY_KEY;
	size_t len;
	uint8_t *data = slurp(name, &len);

	for (size_t at = 0; at < len; at++) {
		int code;

		/* The seal key's other slot: what stands there is erased, whatever it is. */
		if (_i && data[512] == 0 && at >= 512)
			break;
		if (_i && data[0] == 0 && at < 512)
			continue;
		change_byte(name, at, (uint8_t)(1 << at % 8));
		code = try_open();
		ck_assert_msg(code == -EKEYREJECTED, "%s at %zu: %d", name, at, code);
		spew(name, data, len);
	}
	ck_assert_int_eq(try_open(), 0);
	free(data);
}
END_TEST

/* Garbage in the other slot is what a crash leaves: it is erased. */
START_TEST(other_slot_is_erased)
{
	size_t len, other;
	uint8_t *data = slurp(SEAL_KEY, &len);
	struct chain *chain;

	other = data[0] ? 512 : 0;
	memset(data + other, 0x5a, 300);
	spew(SEAL_KEY, data, len);
	free(data);
	chain = open_chain(NULL);
	data = slurp(SEAL_KEY, &len);
	/* One seal later the slots have changed roles. */
	ck_assert_int_eq(memcmp(data + other, "INDKEY01", 8), 0);
	ck_assert(sodium_is_zero(data + 512 - other, 512));
	ck_assert(sodium_is_zero(data + other + 80, 512 - 80));
	free(data);
	close_chain(chain, 0);
}
END_TEST

START_TEST(key_of_another_chain)
{
	size_t len;
	uint8_t *identity = slurp(IDENTITY_KEY, &len), *seal = slurp(SEAL_KEY, &len), *own;

	remove_tree(chain_path);
	remove_tree(keys_path);
	close_chain(open_chain(NULL), 0);
	own = slurp(SEAL_KEY, &len);
	spew(SEAL_KEY, seal, len);
	assert_refused(-EKEYREJECTED, "seal.key is of another log");
	spew(SEAL_KEY, own, len);
	free(seal);
	free(own);
	spew(IDENTITY_KEY, identity, 32);
	assert_refused(-EKEYREJECTED, "identity.key is not the key of this log");
	free(identity);
}
END_TEST

/* --- the log is of another host, or damaged --------------------------------------------------- */

START_TEST(other_machine)
{
	struct chain_options options = test_options();

	options.machine_id = bytes_of_text("ffffffffffffffffffffffffffffffff");
	ck_assert_int_eq(try_open_as(&options), -EKEYREJECTED);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "another machine"));
}
END_TEST

START_TEST(identity_file_differs)
{
	change_byte("identity.pub", 70, 1);
	assert_refused(-EKEYREJECTED, "identity.pub does not match");
	unlink(file_path("identity.pub"));
	assert_refused(-EKEYREJECTED, "identity.pub is missing");
}
END_TEST

START_TEST(damaged_seals)
{
	struct image image;
	struct file *f;

	load_image(&image);
	f = image_file(&image, "seals");
	ck_assert_uint_eq(f->len, 160 * 3);
	change_byte("seals", 170, 1);
	assert_refused(-EBADMSG, "");
	put_image(&image);
	change_byte("seals", 160 * 2 + 100, 1); /* looks torn, but its key is gone */
	assert_refused(-ESTALE, "rolled back");
	put_image(&image);
	change_byte("seals", 100, 1);
	assert_refused(-EBADMSG, "crc");

	f->data[160 * 2 + 100] ^= 1; /* of the signature */
	fix_seal_crc(f->data + 160 * 2);
	put_image(&image);
	assert_refused(-EBADMSG, "bad signature");
	f->data[160 * 2 + 100] ^= 1;
	fix_seal_crc(f->data + 160 * 2);

	f->data = realloc(f->data, 160 * 5); /* one torn seal may follow, but not more */
	memset(f->data + f->len, 0x5a, 160 * 2);
	spew("seals", f->data, f->len + 161);
	assert_refused(-EBADMSG, "torn");
	spew("seals", f->data, f->len + 320);
	assert_refused(-EBADMSG, "");
	spew("seals", f->data, f->len + 160);
	ck_assert_int_eq(try_open(), 0);

	put_image(&image);
	unlink(file_path("seals"));
	assert_refused(-EBADMSG, "seals: is missing");
	drop_image(&image);
}
END_TEST

START_TEST(damaged_segments)
{
	struct image image;
	struct part parts[8];
	struct chain *chain = open_chain(NULL);
	struct file *f;
	uint8_t *copy;

	for (int i = 0; i < 3; i++) {
		append(chain, "\020sealed", CHAIN_CRITICAL, 1000 * MS * (uint64_t)i);
		chain_settle(chain);
	}
	append(chain, "\020last", CHAIN_NORMAL, 3000 * MS);
	close_chain(chain, 3000 * MS);
	load_image(&image);
	f = image_file(&image, SEG3);
	ck_assert_int_eq(find_blocks(f, parts, 8), 5);
	copy = malloc(f->len + 7);
	memcpy(copy, f->data, f->len);
	memset(copy + f->len, 0x5a, 7);

	spew(SEG3, copy, f->len + 7);
	assert_refused(-EBADMSG, "follows the closing seal");
	f->data[parts[4].at + 27] ^= 1; /* what the last seal covers, */
	fix_block_crc(f->data + parts[4].at);
	put_back(f);
	assert_refused(-EBADMSG, "differ from what the last seal says");
	memcpy(f->data, copy, f->len);
	f->data[parts[1].at + 27] ^= 1; /* or others before it */
	fix_block_crc(f->data + parts[1].at);
	put_back(f);
	assert_refused(-EBADMSG, "differ from what the last seal says");
	memcpy(f->data, copy, f->len);
	f->data[144] ^= 1; /* the frontier */
	fix_segment_crc(f->data, header_len(f));
	put_back(f);
	assert_refused(-EBADMSG, "differ from what the last seal says");
	memcpy(f->data, copy, f->len);
	f->data[112] ^= 1; /* the log id */
	fix_segment_crc(f->data, header_len(f));
	put_back(f);
	assert_refused(-EBADMSG, "another log");
	memcpy(f->data, copy, f->len);
	free(copy);

	put_image(&image);
	change_byte(SEG3, 100, 1);
	assert_refused(-EBADMSG, SEG3);
	unlink(file_path(SEG3));
	assert_refused(-EBADMSG, "sealed entries are missing");
	put_image(&image);
	unlink(file_path(SEG1));
	unlink(file_path(SEG2));
	unlink(file_path(SEG3));
	assert_refused(-EBADMSG, "segments are missing");
	put_image(&image);
	ck_assert_int_eq(try_open(), 0);
	drop_image(&image);
}
END_TEST

/* Bytes behind a closing seal, when a crash has left an empty segment after it. */
START_TEST(follows_close_before)
{
	struct image closed, next;
	struct file *f;
	size_t len;
	uint8_t *key = slurp(SEAL_KEY, &len), garbage[7] = { 0 };
	int fd;

	load_image(&closed);
	chain_abandon(open_chain(NULL));
	load_image(&next);
	f = image_file(&next, SEG3);
	put_image(&closed);
	spew(SEAL_KEY, key, len);
	spew(SEG3, f->data, header_len(f));
	fd = open(file_path(SEG2), O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	close(fd);
	assert_refused(-EBADMSG, "follows the closing seal");
	put_back(image_file(&closed, SEG2));
	ck_assert_int_eq(try_open(), 0);
	assert_verdict(judge(NULL), CHAIN_OK);
	free(key);
	drop_image(&closed);
	drop_image(&next);
}
END_TEST

/* A whole slot with the right log and number, but another seed. */
START_TEST(another_seed)
{
	size_t len;
	uint8_t *data = slurp(SEAL_KEY, &len), *slot = data + (data[0] ? 0 : 512);

	slot[60] ^= 1;
	put_u32(slot + 8, crc32c(0, slot + 16, 64));
	spew(SEAL_KEY, data, len);
	assert_refused(-EKEYREJECTED, "not the key the last seal");
	free(data);
}
END_TEST

START_TEST(chain_gone_keys_left)
{
	remove_tree(chain_path);
	assert_refused(-ESTALE, "the chain it belongs to is gone");
}
END_TEST

START_TEST(unknown_versions)
{
	struct image image;
	size_t len;
	uint8_t *data = slurp("seals", &len);

	load_image(&image);
	data[7] = '2';
	spew("seals", data, len);
	free(data);
	assert_refused(-EPROTONOSUPPORT, "unknown seals version");
	put_image(&image);
	data = slurp(SEG2, &len);
	data[7] = '2';
	spew(SEG2, data, len);
	free(data);
	assert_refused(-EPROTONOSUPPORT, "unknown segment version");
	put_image(&image);
	unlink(file_path(SEG2));
	spew("0000000000000002.segz", "INDSEGZ3packed in a way that is not known yet", 40);
	assert_refused(-EPROTONOSUPPORT, "unknown version of a packed segment");
	drop_image(&image);
}
END_TEST

START_TEST(locked)
{
	struct chain_report report;
	struct chain *chain = open_chain(NULL);

	ck_assert_int_eq(chain_is_live(chain_path), 1);
	assert_refused(-EWOULDBLOCK, "another process writes");
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert(report.live && !report.closed);
	chain_abandon(chain);
	ck_assert_int_eq(chain_is_live(chain_path), 0);
	assert_verdict(judge(NULL), CHAIN_TORN);
	ck_assert_int_eq(chain_is_live("/nonexistent"), -ENOENT);
}
END_TEST

/* --- names and options ------------------------------------------------------------------------ */

START_TEST(bad_options)
{
	static const char *names[] = {
		"",
		"Host",
		"a b",
		"h\xc3\xb6st",
		"a/b",
		NULL,
		"0123456789012345678901234567890123456789012345678901234567890123"
	};
	static const char *dirs[] = { ".", "..", "/", "x/..", "" };
	struct chain_options options = test_options();

	drop_test_dir();
	use_test_dir();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		options.name = names[i];
		ck_assert_int_eq(try_open_as(&options), -EINVAL);
	}
	options = test_options();
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		options.dir = dirs[i];
		ck_assert_int_eq(try_open_as(&options), -EINVAL);
	}
	options.dir = path_of("%s/no/such", test_dir);
	ck_assert_int_eq(try_open_as(&options), -ENOENT);
	options.dir = path_of("%s///", chain_path);
	ck_assert_int_eq(try_open_as(&options), 0);
	ck_assert_int_eq(access(file_path(SEAL_KEY), F_OK), 0);
}
END_TEST

START_TEST(keygen)
{
	struct chain_options options = test_options();
	struct chain_opened opened, again;
	struct chain_report report;
	struct stat st;

	ck_assert_int_eq(chain_keygen(&options, &opened, &chain_err), -EEXIST);
	drop_test_dir();
	use_test_dir();
	ck_assert_int_eq(chain_keygen(&options, &opened, &chain_err), 0);
	ck_assert_int_eq(opened.created, 1);
	ck_assert_int_eq(chain_keygen(&options, &again, &chain_err), -EEXIST);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.seals, 1);
	ck_assert(report.closed);
	ck_assert_str_eq(report.vkey, opened.vkey);
	close_chain(open_chain(&again), 0);
	ck_assert_int_eq(again.created, 0);
	ck_assert_int_eq(again.recovered, 0);
	ck_assert_str_eq(again.vkey, opened.vkey);
	assert_verdict(judge(NULL), CHAIN_OK);
	ck_assert_int_eq(stat(chain_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(keys_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(file_path(SEAL_KEY), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(file_path(IDENTITY_KEY), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_keys");
	TCase *tcase = tcase_create("keys");

	tcase_add_checked_fixture(tcase, setup, drop_test_dir);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, wrong_mode);
	tcase_add_test(tcase, wrong_owner);
	tcase_add_test(tcase, wrong_length);
	tcase_add_test(tcase, missing_or_no_file);
	tcase_add_loop_test(tcase, every_bit_of_keys, 0, 2);
	tcase_add_test(tcase, other_slot_is_erased);
	tcase_add_test(tcase, key_of_another_chain);
	tcase_add_test(tcase, other_machine);
	tcase_add_test(tcase, identity_file_differs);
	tcase_add_test(tcase, damaged_seals);
	tcase_add_test(tcase, damaged_segments);
	tcase_add_test(tcase, follows_close_before);
	tcase_add_test(tcase, another_seed);
	tcase_add_test(tcase, chain_gone_keys_left);
	tcase_add_test(tcase, unknown_versions);
	tcase_add_test(tcase, locked);
	tcase_add_test(tcase, bad_options);
	tcase_add_test(tcase, keygen);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
