// SPDX-License-Identifier: Apache-2.0
/* Attacks by one who has the keys of the moment: seals, notes and prunings made with them. */

#include "chain_attack.h"

#include "chain/files.h"
#include "chain/note.h"

/* --- one who has the keys of the moment ------------------------------------------------------- */

static void take_leaves(struct tree *tree)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	uint8_t leaf[CHAIN_HASH];

	memset(tree, 0, sizeof(*tree));
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1) {
		chain_reader_leaf(reader, &entry, leaf);
		tree_push(tree, leaf);
	}
	chain_reader_close(reader);
}

static struct keys *take_keys(uint8_t lid[LOG_ID_LEN])
{
	struct chain_report report = judge(NULL);
	struct keys *keys;
	int fd = keys_open_dir(chain_path, 0, &chain_err);

	sodium_hex2bin(lid, LOG_ID_LEN, strrchr(report.origin, '/') + 1, 40, NULL, NULL, NULL);
	ck_assert_int_eq(keys_load(&keys, fd, lid, &chain_err), 0);
	close(fd);
	return keys;
}

/* Seal everything there with the key on the disk, as the keeper would. */
static void forge_seal(uint32_t flags, bool wrong_root)
{
	struct seal seal = { .flags = flags };
	struct chain_report report = judge(NULL);
	uint8_t lid[LOG_ID_LEN], record[SEAL_LEN];
	char text[SEAL_TEXT_MAX];
	struct keys *keys = take_keys(lid);
	struct tree tree;
	int fd;

	take_leaves(&tree);
	seal.k = keys_number(keys);
	seal.size = tree.size;
	tree_root(&tree, seal.root);
	seal.root[0] ^= wrong_root;
	memcpy(seal.next_pk, keys_public_next(keys), 32);
	keys_sign_seal(keys, text, seal_text(&seal, report.origin, text), seal.sig);
	seal_encode(&seal, record);
	fd = open(file_path("seals"), O_WRONLY);
	ck_assert_int_eq(pwrite_all(fd, record, SEAL_LEN, (off_t)(SEAL_LEN * seal.k)), 0);
	close(fd);
	ck_assert_int_eq(keys_advance(keys), 0);
	keys_free(keys);
}

/* The segment behind previous, with no more than its SCHEMA, as a writer would begin it. */
static void forge_segment(uint64_t number, const char *previous)
{
	struct segment_header header = { .number = number };
	struct keys *keys = take_keys(header.lid);
	uint8_t data[SEGMENT_HEADER_MAX];
	char name[SEGMENT_NAME_MAX];
	struct stat st;

	take_leaves(&header.tree);
	ck_assert_int_eq(stat(file_path(previous), &st), 0);
	header.prev_len = (uint64_t)st.st_size;
	header.seal = keys_number(keys);
	memcpy(header.pk, keys_public(keys), 32);
	segment_name(number, name);
	spew(name, data, segment_header_encode(&header, data));
	append_block(name, header.tree.size, "\1schema v1", 10);
	keys_free(keys);
}

/* A note by the identity key itself, for what it must not be believed. */
static void forge_note(const char *file, const char *origin, const char *more)
{
	char body[NOTE_BODY_MAX], note[1024];
	struct chain_report report = head;
	struct log_name name = { 0 };
	uint8_t sig[64];
	struct keys *keys;
	uint8_t lid[LOG_ID_LEN];
	size_t len;
	int fd = keys_open_dir(chain_path, 0, &chain_err);

	sodium_hex2bin(lid, sizeof(lid), strrchr(head.origin, '/') + 1, 40, NULL, NULL, NULL);
	sodium_hex2bin(name.key_id, 4, strchr(head.vkey, '+') + 1, 8, NULL, NULL, NULL);
	strcpy(name.origin, head.origin);
	ck_assert_int_eq(keys_load(&keys, fd, lid, &chain_err), 0);
	close(fd);
	len = note_body(origin, report.sealed, report.root, body);
	keys_sign_note(keys, body, len, sig);
	keys_free(keys);
	len = note_encode(body, &name, sig, note);
	memcpy(note + len, more, strlen(more));
	spew(file, note, len + strlen(more));
}

START_TEST(forged_notes)
{
	const char *notes[] = { file_path("../held"), NULL };
	struct chain_verify_options options = { .checkpoints = notes };

	forge_note("checkpoint", head.origin, "");
	assert_verdict(judge(NULL), CHAIN_OK);
	forge_note("checkpoint", head.origin, "\xe2\x80\x94 witness.example/w AAAAAQID\n");
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	forge_note("checkpoint", "host/indelible/other", "");
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	forge_note("checkpoint", head.origin, "");
	forge_note("../held", head.origin, "");
	assert_verdict(judge(&options), CHAIN_OK);
	forge_note("../held", "host/indelible/other", "");
	assert_verdict(judge(&options), CHAIN_UNVERIFIABLE);
}
END_TEST

START_TEST(forged_seals)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, "\020x", 2);
	forge_seal(0, false);
	assert_verdict(judge(NULL), CHAIN_TORN); /* he can go on from here, and only from here */
	forge_seal(0, false);
	assert_verdict(judge(NULL), CHAIN_TAMPER); /* covers nothing new */

	leave_open();
	append_block(SEG3, middle.entries + 1, "\020x", 2);
	forge_seal(0, true);
	assert_verdict(judge(NULL), CHAIN_TAMPER);

	leave_open();
	append_block(SEG3, middle.entries + 1, "\020x", 2);
	forge_seal(2, false); /* a flag nobody knows */
	assert_verdict(judge(NULL), CHAIN_TAMPER);

	leave_open();
	append_block(SEG3, middle.entries + 1, "\7later", 6);
	forge_seal(1, false);
	assert_verdict(judge(NULL), CHAIN_UNVERIFIABLE);
}
END_TEST

#define PRUNE(keep, first) "\4\0\0\0\0\0\0\0" keep "\0\0\0\0\0\0\0" first "\0\0\0\0\0\0\0"

START_TEST(pruned)
{
	struct chain_report report;
	struct chain_held at_seal;

	leave_open();
	append_block(SEG3, middle.entries + 1, PRUNE("\3", "\4"), 24);
	ck_assert_uint_eq(middle.entries, 4);
	unlink(file_path(SEG1));
	unlink(file_path(SEG2));
	assert_verdict(judge(NULL), CHAIN_TAMPER); /* not sealed, so not said */
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	chain_abandon(open_chain(NULL));
	append_block(SEG3, middle.entries + 1, PRUNE("\3", "\4"), 24);
	forge_seal(SEAL_CLOSE, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	at_seal.size = report.sealed;
	memcpy(at_seal.root, report.root, CHAIN_HASH);

	unlink(file_path(SEG1)); /* oldest first: a crash may leave segment 2 */
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.pruned, 1);
	unlink(file_path(SEG2));
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.pruned, 4);
	assert_verdict(judge_held(at_seal.size, at_seal.root), CHAIN_OK);
	assert_verdict(judge_held(middle.sealed, middle.root), CHAIN_OK);
	assert_verdict(judge_held(middle.sealed, at_seal.root), CHAIN_FORK);
	assert_verdict(judge_held(1, at_seal.root), CHAIN_FORK);
	assert_verdict(judge_held(3, at_seal.root), CHAIN_UNVERIFIABLE);
}
END_TEST

/* What is kept must be what was said to be kept. */
START_TEST(pruned_too_much)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, PRUNE("\2", "\1"), 24);
	forge_seal(SEAL_CLOSE, false);
	assert_verdict(judge(NULL), CHAIN_OK);
	unlink(file_path(SEG1));
	assert_verdict(judge(NULL), CHAIN_OK);
	unlink(file_path(SEG2));
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

/* The frontier of a pruned log's first segment is proven by the next seal. */
START_TEST(pruned_with_another_frontier)
{
	struct file f;

	leave_open();
	append_block(SEG3, middle.entries + 1, PRUNE("\3", "\4"), 24);
	forge_seal(SEAL_CLOSE, false);
	unlink(file_path(SEG1));
	unlink(file_path(SEG2));
	f.data = slurp(SEG3, &f.len);
	f.data[150] ^= 1;
	fix_segment_crc(f.data, header_len(&f));
	spew(SEG3, f.data, f.len);
	free(f.data);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

/* A log that handed over to another one ends with its next closing seal. */
START_TEST(link_forward)
{
	struct chain_report report;

	leave_open();
	append_block(SEG3, middle.entries + 1, "\3\2\1\0........--------------------------------v",
		     45);
	forge_seal(SEAL_CLOSE, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_str_eq(report.continued_by.vkey, ""); /* "v" is no key */
	ck_assert_int_eq(try_open(), -EKEYREVOKED);
	forge_segment(4, SEG3);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

/* Without the hand-over the same segment is that of a writer at work. */
START_TEST(forged_segment)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, "\020x", 2);
	forge_seal(SEAL_CLOSE, false);
	forge_segment(4, SEG3);
	assert_verdict(judge(NULL), CHAIN_TORN);
}
END_TEST

/* The hand-over holds across segments, until the next closing seal and not before. */
START_TEST(link_forward_in_an_earlier_segment)
{
	struct chain_report report;
	struct file f;

	leave_open();
	append_block(SEG3, middle.entries + 1, "\3\2\1\0........--------------------------------v",
		     45);
	forge_seal(0, false);
	forge_segment(4, SEG3);
	forge_seal(SEAL_CLOSE, false);
	assert_verdict(judge(NULL), CHAIN_OK);
	forge_segment(5, SEG4);
	f.data = slurp(SEG5, &f.len);
	append_block(SEG5, judge(NULL).entries + 1, "\020x", 2);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_str_eq(report.why, "entry after the log was handed over");
	ck_assert_uint_eq(report.offset, header_len(&f) + 26); /* of the first one */
	spew(SEG5, f.data, header_len(&f));		       /* no entry, nothing goes on */
	free(f.data);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

/* LINK forward to the log of that name, with a key that is one. */
static size_t link_entry(const char *name, uint8_t entry[512], char vkey[512])
{
	uint8_t key[34] = "\n\1", hash[32];
	char hex[9], text[64];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)name, strlen(name));
	crypto_hash_sha256_update(&state, key, sizeof(key));
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, 4);
	sodium_bin2base64(text, sizeof(text), key + 1, 33, sodium_base64_VARIANT_ORIGINAL);
	sprintf(vkey, "%s+%s+%s", name, hex, text);
	memset(entry, 0, 44);
	entry[0] = 3;
	entry[1] = 2;
	entry[2] = (uint8_t)strlen(vkey);
	entry[3] = (uint8_t)(strlen(vkey) >> 8);
	memcpy(entry + 44, vkey, strlen(vkey));
	return 44 + strlen(vkey);
}

/* Told is the last one that is sealed, wherever it is, and no key that is longer than those of
 * logs. */
START_TEST(link_that_is_told)
{
	uint8_t entry[512];
	char one[512], other[512], name[251] = "";
	struct chain_report report;
	size_t len;

	leave_open();
	memset(name, 'n', sizeof(name) - 1);
	len = link_entry(name, entry, one);
	append_block(SEG3, middle.entries + 1, (char *)entry, len);
	forge_seal(0, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_str_eq(report.continued_by.vkey, "");
	len = link_entry("one", entry, one);
	entry[2]++;
	entry[len] = '\n'; /* not a key, nor what could be printed as one */
	append_block(SEG3, report.entries, (char *)entry, len + 1);
	forge_seal(0, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_str_eq(report.continued_by.vkey, "");
	len = link_entry("one", entry, one);
	append_block(SEG3, report.entries, (char *)entry, len);
	ck_assert_str_eq(judge(NULL).continued_by.vkey, "");
	forge_seal(0, false);
	ck_assert_str_eq(judge(NULL).continued_by.vkey, one);
	forge_segment(4, SEG3);
	len = link_entry("other", entry, other);
	append_block(SEG4, report.entries + 2, (char *)entry, len);
	ck_assert_str_eq(judge(NULL).continued_by.vkey, one);
	forge_seal(0, false);
	for (unsigned long long n = 5; n < 12; n++) {
		ck_assert_str_eq(judge(NULL).continued_by.vkey, other);
		forge_segment(n, path_of("%016llx.seg", n - 1));
		forge_seal(0, false);
	}
}
END_TEST

/* Written before a crash, sealed after it, by a segment without one. */
START_TEST(link_sealed_by_a_later_segment)
{
	uint8_t entry[512], recovery[108] = { 2, 1 };
	struct chain_report report;
	char vkey[512];
	struct stat st;
	size_t len = link_entry("later", entry, vkey);

	leave_open();
	append_block(SEG3, middle.entries + 1, (char *)entry, len);
	report = judge(NULL);
	ck_assert_int_eq(stat(file_path(SEG3), &st), 0);
	put_u64(recovery + 4, (uint64_t)st.st_size);
	put_u64(recovery + 20, report.sealed);
	put_u64(recovery + 28, report.entries);
	put_u64(recovery + 36, 3);
	crypto_hash_sha256(recovery + 44, NULL, 0);
	forge_segment(4, SEG3);
	append_block(SEG4, report.entries + 1, (char *)recovery, sizeof(recovery));
	forge_seal(0, false);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.adopted, 1);
	ck_assert_str_eq(report.continued_by.vkey, vkey);
}
END_TEST

/* --- an end that was not clean must be owned up to ---------------------------------------------
 */

static void assert_not_owned_up(void)
{
	struct chain_report report = judge(NULL);

	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_str_eq(report.file, SEG4);
	ck_assert_str_eq(report.why, "segment takes over an unclean end without RECOVERY");
}

START_TEST(unsealed_entries_taken_over)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, "\020unsealed", 9);
	forge_segment(4, SEG3);
	assert_not_owned_up();
	forge_seal(SEAL_CLOSE, false);
	assert_not_owned_up();
}
END_TEST

START_TEST(torn_tail_taken_over)
{
	struct file f;
	int fd;

	leave_open();
	append_block(SEG3, middle.entries + 1, "\020x", 2);
	forge_seal(0, false);
	forge_segment(4, SEG3);
	fd = open(file_path(SEG3), O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, "INDB", 4), 4);
	close(fd);
	assert_not_owned_up();
	f.data = slurp(SEG4, &f.len);
	spew(SEG4, f.data, header_len(&f)); /* it says nothing, and so hides nothing */
	free(f.data);
	assert_verdict(judge(NULL), CHAIN_TORN);
}
END_TEST

/* --- what a PRUNE lets go ----------------------------------------------------------------------
 */

/* Written before a crash, sealed after it. */
START_TEST(prune_sealed_by_a_later_segment)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, PRUNE("\3", "\4"), 24);
	chain_abandon(open_chain(NULL));
	unlink(file_path(SEG1));
	unlink(file_path(SEG2));
	assert_verdict(judge(NULL), CHAIN_TORN);
}
END_TEST

/* The highest counts, in a segment and in all of them. */
START_TEST(prune_of_less_later)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, PRUNE("\3", "\4"), 24);
	append_block(SEG3, middle.entries + 2, PRUNE("\2", "\1"), 24);
	forge_seal(0, false);
	append_block(SEG3, middle.entries + 3, PRUNE("\2", "\1"), 24);
	forge_seal(0, false);
	forge_segment(4, SEG3);
	append_block(SEG4, middle.entries + 5, PRUNE("\2", "\1"), 24);
	forge_seal(0, false);
	forge_segment(5, SEG4);
	append_block(SEG5, middle.entries + 7, PRUNE("\2", "\1"), 24);
	forge_seal(SEAL_CLOSE, false);
	assert_verdict(judge(NULL), CHAIN_OK);
	unlink(file_path(SEG1));
	unlink(file_path(SEG2));
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

/* What the first segment there is says of the one before cannot be looked up. */
START_TEST(pruned_up_to_a_recovery)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, "\020unsealed", 9);
	append_block(SEG3, 77, "\020torn", 5);
	chain_abandon(open_chain(NULL));
	append_block(SEG4, middle.entries + 4, PRUNE("\4", "\6"), 24);
	forge_seal(0, false);
	assert_verdict(judge(NULL), CHAIN_TORN);
	unlink(file_path(SEG1));
	unlink(file_path(SEG2));
	unlink(file_path(SEG3));
	assert_verdict(judge(NULL), CHAIN_TORN);
}
END_TEST

START_TEST(segments_missing_without_prune)
{
	struct chain_report report;

	unlink(file_path(SEG1));
	report = judge(NULL);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_uint_eq(report.from, 0);
	unlink(file_path(SEG2));
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	unlink(file_path(SEG3));
	report = judge(NULL);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_str_eq(report.why, "all segments are missing");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_forge");
	TCase *tcase = tcase_create("attack");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, forged_notes);
	tcase_add_test(tcase, forged_seals);
	tcase_add_test(tcase, pruned);
	tcase_add_test(tcase, pruned_too_much);
	tcase_add_test(tcase, pruned_with_another_frontier);
	tcase_add_test(tcase, link_forward);
	tcase_add_test(tcase, forged_segment);
	tcase_add_test(tcase, link_forward_in_an_earlier_segment);
	tcase_add_test(tcase, link_that_is_told);
	tcase_add_test(tcase, link_sealed_by_a_later_segment);
	tcase_add_test(tcase, unsealed_entries_taken_over);
	tcase_add_test(tcase, torn_tail_taken_over);
	tcase_add_test(tcase, prune_sealed_by_a_later_segment);
	tcase_add_test(tcase, prune_of_less_later);
	tcase_add_test(tcase, pruned_up_to_a_recovery);
	tcase_add_test(tcase, segments_missing_without_prune);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
