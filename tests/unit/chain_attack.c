// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks by one who has the disk and the keys of the moment: cuts, regrowth, forks, new genesis,
 * clones. What only a held checkpoint can show is asserted to be just that.
 */
#include "chain_image.h"

#include <sodium.h>

#include "chain/note.h"

static struct image at_start, at_middle, at_end; /* after seals 1 (CLOSE), 3 (CLOSE), 5 (CLOSE) */
static struct chain_report middle, end;
static uint8_t *middle_keys;

static void one_run(const char *record)
{
	struct chain *chain = open_chain(NULL);

	append(chain, record, CHAIN_NORMAL, 0);
	append(chain, record, CHAIN_NORMAL, 0);
	close_chain(chain, 0);
}

static void setup(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	size_t len;

	use_test_dir();
	ck_assert_int_eq(chain_keygen(&options, &opened, &chain_err), 0);
	load_image(&at_start);
	one_run("\020one");
	middle = judge(NULL);
	load_image(&at_middle);
	middle_keys = slurp("../D.keys/seal.key", &len);
	ck_assert_uint_eq(len, 1024);
	one_run("\020two");
	end = judge(NULL);
	load_image(&at_end);
	assert_verdict(middle, CHAIN_OK);
	assert_verdict(end, CHAIN_OK);
	ck_assert_uint_eq(end.seals, 5);
}

static void teardown(void)
{
	drop_image(&at_start);
	drop_image(&at_middle);
	drop_image(&at_end);
	free(middle_keys);
	drop_test_dir();
}

static struct chain_report judge_held(uint64_t size, const uint8_t root[CHAIN_HASH])
{
	struct chain_held held = { .size = size };
	struct chain_verify_options options = { .held = &held, .held_count = 1 };

	memcpy(held.root, root, CHAIN_HASH);
	return judge(&options);
}

static struct chain_report judge_pinned(const char *vkey)
{
	struct chain_verify_options options = { .vkey = vkey };

	return judge(&options);
}

static int try_open(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain = NULL;
	int err = chain_open(&chain, &options, &opened, &chain_err);

	if (err == 0)
		chain_abandon(chain);
	else
		ck_assert_str_ne(chain_err.text, "");
	return err;
}

/* --- held checkpoints ------------------------------------------------------------------------ */

START_TEST(held_matches)
{
	struct chain_report report = judge_held(end.sealed, end.root);

	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, 0);
	report = judge_held(middle.sealed, middle.root);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, end.entries - middle.entries);
	ck_assert_uint_eq(judge(NULL).unwitnessed, end.entries);
}
END_TEST

START_TEST(held_differs)
{
	struct chain_report report = judge_held(middle.sealed, end.root);

	assert_verdict(report, CHAIN_FORK);
	ck_assert_int_eq(report.exit_code, 1);
	ck_assert_uint_eq(report.from, middle.sealed);
	report = judge_held(end.sealed + 5, end.root);
	assert_verdict(report, CHAIN_ROLLBACK);
	ck_assert_uint_eq(report.from, end.sealed);
	ck_assert_uint_eq(report.to, end.sealed + 5);
	report = judge_held(0, end.root);
	assert_verdict(report, CHAIN_FORK);
	report = judge_held(UINT64_MAX, end.root);
	assert_verdict(report, CHAIN_ROLLBACK);
}
END_TEST

/* The worst of several is the verdict. */
START_TEST(held_many)
{
	struct chain_held held[3] = { { .size = end.sealed + 1 },
				      { .size = middle.sealed },
				      { .size = end.sealed } };
	struct chain_verify_options options = { .held = held, .held_count = 3 };
	struct chain_report report;

	memcpy(held[1].root, middle.root, CHAIN_HASH);
	memcpy(held[2].root, end.root, CHAIN_HASH);
	report = judge(&options);
	assert_verdict(report, CHAIN_ROLLBACK);
	held[1].root[0] ^= 1;
	report = judge(&options);
	assert_verdict(report, CHAIN_FORK);
}
END_TEST

START_TEST(held_note)
{
	const char *notes[] = { file_path("../held"), NULL };
	struct chain_verify_options options = { .checkpoints = notes };
	struct file *f = image_file(&at_middle, "checkpoint");
	char text[1024];
	struct chain_report report;
	int len;

	/* A witness has signed it as well: its line is none of our business. */
	len = snprintf(text, sizeof(text), "%.*s\xe2\x80\x94 witness.example/w AAAAAQID\n",
		       (int)f->len, (const char *)f->data);
	spew("../held", text, (size_t)len);
	report = judge(&options);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, end.entries - middle.entries);

	/* Only the witness has. */
	strcpy(strstr(text, "\n\n") + 2, "\xe2\x80\x94 witness.example/w AAAAAQID\n");
	spew("../held", text, strlen(text));
	assert_verdict(judge(&options), CHAIN_UNVERIFIABLE);

	/* No note at all. */
	spew("../held", "hello\n", 6);
	options.dir = chain_path;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "held: line 2"));
	unlink(notes[0]);
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -ENOENT);
}
END_TEST

START_TEST(held_note_of_another_log)
{
	const char *notes[] = { file_path("../held"), NULL };
	struct chain_verify_options options = { .checkpoints = notes };
	struct file *f = image_file(&at_end, "checkpoint");

	spew("../held", f->data, f->len);
	remove_tree(chain_path);
	remove_tree(keys_path);
	one_run("\020one");
	assert_verdict(judge(NULL), CHAIN_OK);
	assert_verdict(judge(&options), CHAIN_UNVERIFIABLE);
	assert_verdict(judge_pinned(end.vkey), CHAIN_UNVERIFIABLE);
}
END_TEST

/* --- pinned key ------------------------------------------------------------------------------ */

START_TEST(pinned_key)
{
	char vkey[300];
	struct chain_report report = judge_pinned(end.vkey);

	assert_verdict(report, CHAIN_OK);
	ck_assert(report.pinned);
	snprintf(vkey, sizeof(vkey), "%s\n", end.vkey);
	ck_assert(judge_pinned(vkey).pinned);
	snprintf(vkey, sizeof(vkey), "%s\n\n", end.vkey);
	assert_verdict(judge_pinned(vkey), CHAIN_UNVERIFIABLE);
	assert_verdict(judge_pinned(""), CHAIN_UNVERIFIABLE);
	vkey[strlen(end.vkey) - 1] = 0;
	assert_verdict(judge_pinned(vkey), CHAIN_UNVERIFIABLE);
}
END_TEST

/* The identity key rebuilds nothing: a new log made with it has another origin. */
START_TEST(stolen_identity_key)
{
	size_t len;
	uint8_t *identity = slurp("../D.keys/identity.key", &len);
	struct chain_report report;

	ck_assert_uint_eq(len, 32);
	remove_tree(chain_path);
	remove_tree(keys_path);
	ck_assert_int_eq(mkdir(chain_path, 0700) | mkdir(keys_path, 0700), 0);
	spew("../D.keys/identity.key", identity, len);
	free(identity);
	one_run("\020one");
	one_run("\020two");
	one_run("\020three");
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_str_ne(report.origin, end.origin);
	assert_verdict(judge_pinned(end.vkey), CHAIN_UNVERIFIABLE);
	assert_verdict(judge_held(end.sealed, end.root), CHAIN_FORK);
}
END_TEST

/* --- cuts ------------------------------------------------------------------------------------ */

/* Back to an older closed end: only what somebody holds can show it. The keys do, to the writer. */
START_TEST(cut_at_close)
{
	struct chain_report report;

	put_image(&at_middle);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.unwitnessed, report.entries);
	assert_verdict(judge_held(end.sealed, end.root), CHAIN_ROLLBACK);
	ck_assert_int_eq(try_open(), -ESTALE);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "rolled back"));
}
END_TEST

/* Cut at a seal that does not close: that is what a crash looks like. */
START_TEST(cut_at_seal)
{
	struct file *seals = image_file(&at_end, "seals");
	struct file *note = image_file(&at_middle, "checkpoint");
	struct file *segment = image_file(&at_end, SEG3);
	struct part parts[4];

	ck_assert_int_eq(find_blocks(segment, parts, 4), 2);
	spew("seals", seals->data, 160 * 5);
	ck_assert_int_eq(judge(NULL).verdict, CHAIN_ROLLBACK);
	spew("checkpoint", note->data, note->len);
	assert_verdict(judge(NULL), CHAIN_TORN);
	spew(SEG3, segment->data, parts[1].at);
	assert_verdict(judge(NULL), CHAIN_TORN);
	assert_verdict(judge_held(end.sealed, end.root), CHAIN_ROLLBACK);
	ck_assert_int_eq(try_open(), -ESTALE);
}
END_TEST

/* Cut below a seal that is still there. */
START_TEST(cut_below_seal)
{
	struct file *segment = image_file(&at_end, SEG3);
	struct chain_report report;

	for (size_t len = 0; len < segment->len; len++) {
		spew(SEG3, segment->data, len);
		report = judge(NULL);
		assert_verdict(report, CHAIN_TAMPER);
		ck_assert_int_eq(try_open(), -EBADMSG);
	}
	report = judge(NULL);
	ck_assert_str_eq(report.file, SEG3);
	ck_assert_uint_eq(report.from, end.sealed - 2);
	ck_assert_uint_eq(report.to, end.sealed);
	ck_assert_uint_ge(report.last_good, middle.sealed);
}
END_TEST

/* Chain and keys rolled back together (a snapshot), and grown again: nothing on the host knows. */
START_TEST(rollback_with_keys)
{
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	one_run("\020other");
	assert_verdict(judge(NULL), CHAIN_OK);
	assert_verdict(judge_pinned(end.vkey), CHAIN_OK);
	assert_verdict(judge_held(middle.sealed, middle.root), CHAIN_OK);
	assert_verdict(judge_held(end.sealed, end.root), CHAIN_FORK);
	one_run("\020longer");
	assert_verdict(judge_held(end.sealed, end.root), CHAIN_FORK);
}
END_TEST

/* --- growing where nothing may grow ---------------------------------------------------------- */

static void append_block(const char *name, uint64_t first, const char *record, size_t len)
{
	uint8_t block[256];
	int fd = open(file_path(name), O_WRONLY | O_APPEND);

	memcpy(block, "INDB", 4);
	put_u64(block + 8, first);
	put_u32(block + 16, (uint32_t)len + 2);
	put_u16(block + 20, 1);
	put_u16(block + 22, 0);
	block[24] = 0;
	block[25] = (uint8_t)len;
	memcpy(block + 26, record, len);
	fix_block_crc(block);
	ck_assert_int_eq(write(fd, block, 26 + len), (ssize_t)(26 + len));
	close(fd);
}

START_TEST(after_close)
{
	append_block(SEG3, end.entries, "\x10more", 5);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	ck_assert_int_eq(try_open(), -EBADMSG);
	put_image(&at_end);
	append_block(SEG2, middle.entries, "\x10more", 5);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	append_block(SEG2, middle.entries, "\x10more", 5);
	ck_assert_int_eq(try_open(), -EBADMSG);
}
END_TEST

/* A run that ended without closing: what it left unsealed is anybody's, and reported as that. */
static void leave_open(void)
{
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	chain_abandon(open_chain(NULL));
	assert_verdict(judge(NULL), CHAIN_TORN);
}

START_TEST(unsealed_tail)
{
	uint64_t n = middle.entries + 1;
	struct chain_report report;

	leave_open();
	append_block(SEG3, n, "\020forged", 7);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.unsealed, 1);
}
END_TEST

START_TEST(forbidden_entries)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum chain_verdict want;
	} rows[] = {
		{ "\0x", 2, CHAIN_TAMPER },	 /* type 0 */
		{ "\1again", 6, CHAIN_TAMPER },	 /* SCHEMA not first */
		{ "\2", 1, CHAIN_TAMPER },	 /* RECOVERY malformed */
		{ "\3\1", 2, CHAIN_TAMPER },	 /* LINK malformed */
		{ "\4", 1, CHAIN_TAMPER },	 /* PRUNE malformed */
		{ "\5", 1, CHAIN_UNVERIFIABLE }, /* of a later version */
		{ "\x0f", 1, CHAIN_UNVERIFIABLE },
		{ "\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TORN },
		{ "\4\1\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 25, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\4\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 24, CHAIN_TORN },
		{ "\4\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24, CHAIN_TAMPER },
		{ "\3\2\1\0........--------------------------------v", 45, CHAIN_TORN },
		{ "\3\1\1\0........--------------------------------v", 45, CHAIN_TAMPER },
		{ "\3\3\1\0........--------------------------------v", 45, CHAIN_TAMPER },
		{ "\3\2\2\0........--------------------------------v", 45, CHAIN_TAMPER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chain_report report;

		leave_open();
		append_block(SEG3, middle.entries + 1, rows[i].bytes, rows[i].len);
		report = judge(NULL);
		ck_assert_msg(report.verdict == rows[i].want, "row %zu: %s %s", i,
			      chain_verdict_name(report.verdict), report.why);
	}
}
END_TEST

/* Something worse than an unknown type may follow it. */
START_TEST(worst_verdict_counts)
{
	leave_open();
	append_block(SEG3, middle.entries + 1, "\5", 1);
	append_block(SEG3, middle.entries + 2, "\0", 1);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

/* --- RECOVERY cannot be left out or bent ------------------------------------------------------ */

#define RECOVERY_AT (24 + 2 + 10 + 2) /* in the first block of a segment: behind "\1schema v1" */

static struct image crashed; /* taken over by segment 4, whose seal and note are gone */

static void crash_and_take_over(void)
{
	struct file *seals, *note = image_file(&at_middle, "checkpoint");
	struct chain_report report;

	leave_open();
	append_block(SEG3, middle.entries + 1, "\020unsealed", 9);
	append_block(SEG3, 77, "\020torn", 5);
	chain_abandon(open_chain(NULL));
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.recoveries, 1);
	ck_assert_uint_eq(report.adopted, 1);
	ck_assert_uint_eq(report.dead_bytes, 31);
	/* Without its seal a crc is all that stands behind it: it must agree by itself. */
	load_image(&crashed);
	seals = image_file(&crashed, "seals");
	seals->len -= 160;
	put_back(seals);
	spew("checkpoint", note->data, note->len);
	assert_verdict(judge(NULL), CHAIN_TORN);
}

/* Its RECOVERY, after a change to the byte at `at`. */
static struct chain_report bend(size_t at, uint8_t flip)
{
	struct file *f = image_file(&crashed, SEG4);
	uint8_t *block = f->data + header_len(f);
	struct chain_report report;

	ck_assert_uint_eq(block[RECOVERY_AT], 2);
	block[RECOVERY_AT + at] ^= flip;
	fix_block_crc(block);
	put_back(f);
	report = judge(NULL);
	block[RECOVERY_AT + at] ^= flip;
	return report;
}

START_TEST(bent_recovery)
{
	static const size_t fields[] = { 2, 4, 12, 20, 28, 36, 44 };
	struct file *f;
	uint8_t *block;

	crash_and_take_over();
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_verdict(bend(fields[i], 1), CHAIN_TAMPER);
	assert_verdict(bend(76, 1), CHAIN_TORN); /* boot ids are not judged */

	/* The same for a write error: what is dead is not judged, all else is. */
	f = image_file(&crashed, SEG4);
	block = f->data + header_len(f);
	assert_verdict(bend(1, 1 ^ 2), CHAIN_TAMPER); /* no hash then */
	memset(block + RECOVERY_AT + 44, 0, 32);
	assert_verdict(bend(1, 1 ^ 2), CHAIN_TORN);
	assert_verdict(bend(1, 1 ^ 0), CHAIN_TAMPER);
	assert_verdict(bend(1, 1 ^ 4), CHAIN_TAMPER);
	block[RECOVERY_AT + 1] = 2;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_verdict(bend(fields[i], 1), fields[i] == 12 ? CHAIN_TORN : CHAIN_TAMPER);

	/* One byte longer. */
	put_u32(block + 16, get_u32(block + 16) + 1);
	block[RECOVERY_AT - 1]++;
	f->data = realloc(f->data, f->len + 1);
	f->data[f->len++] = 0;
	assert_verdict(bend(0, 0), CHAIN_TAMPER);
	drop_image(&crashed);
}
END_TEST

START_TEST(left_out_recovery)
{
	struct chain_report report;
	uint8_t *block;
	struct file *f;

	crash_and_take_over();
	f = image_file(&crashed, SEG4);
	block = f->data + header_len(f);
	put_u16(block + 20, 1);
	put_u32(block + 16, 12);
	f->len = header_len(f) + 24 + 12;
	fix_block_crc(block);
	put_back(f);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_ptr_nonnull(strstr(report.why, "without RECOVERY"));
	drop_image(&crashed);
}
END_TEST

/* prev_len and RECOVERY agree on more than the blocks there are. */
START_TEST(bent_length)
{
	struct chain_report report;
	uint8_t *block;
	struct file *f;

	crash_and_take_over();
	f = image_file(&crashed, SEG4);
	block = f->data + header_len(f);
	memset(block + RECOVERY_AT + 44, 0, 32);
	block[RECOVERY_AT + 1] = 2;
	block[RECOVERY_AT + 4] += 3;
	f->data[40] += 3;
	fix_segment_crc(f->data, header_len(f));
	report = bend(0, 0);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_str_eq(report.file, SEG3);
	drop_image(&crashed);
}
END_TEST

/* A RECOVERY that would be right, were it second in its segment. */
START_TEST(recovery_out_of_place)
{
	uint8_t recovery[108] = { 2, 2 };

	leave_open();
	put_u64(recovery + 4, image_file(&at_middle, SEG2)->len);
	put_u64(recovery + 20, middle.sealed);
	put_u64(recovery + 28, middle.sealed);
	put_u64(recovery + 36, 2);
	append_block(SEG3, middle.entries + 1, (const char *)recovery, sizeof(recovery));
	assert_verdict(judge(NULL), CHAIN_TORN);
	append_block(SEG3, middle.entries + 2, (const char *)recovery, sizeof(recovery));
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

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

/* Seal everything there with the key on the disk, as the sealer would. */
static void forge_seal(uint32_t flags, bool wrong_root)
{
	struct seal seal = { .flags = flags };
	struct chain_report report = judge(NULL);
	uint8_t lid[LOG_ID_LEN], record[SEAL_LEN];
	char text[SEAL_TEXT_MAX];
	struct keys *keys;
	struct tree tree;
	int fd = keys_open_dir(chain_path, 0, &chain_err);

	sodium_hex2bin(lid, sizeof(lid), strrchr(report.origin, '/') + 1, 40, NULL, NULL, NULL);
	ck_assert_int_eq(keys_load(&keys, fd, lid, &chain_err), 0);
	close(fd);
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

/* A note by the identity key itself, for what it must not be believed. */
static void forge_note(const char *file, const char *origin, const char *more)
{
	char body[NOTE_BODY_MAX], note[1024];
	struct chain_report report = end;
	struct log_name name = { 0 };
	uint8_t sig[64];
	struct keys *keys;
	uint8_t lid[LOG_ID_LEN];
	size_t len;
	int fd = keys_open_dir(chain_path, 0, &chain_err);

	sodium_hex2bin(lid, sizeof(lid), strrchr(end.origin, '/') + 1, 40, NULL, NULL, NULL);
	sodium_hex2bin(name.key_id, 4, strchr(end.vkey, '+') + 1, 8, NULL, NULL, NULL);
	strcpy(name.origin, end.origin);
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

	forge_note("checkpoint", end.origin, "");
	assert_verdict(judge(NULL), CHAIN_OK);
	forge_note("checkpoint", end.origin, "\xe2\x80\x94 witness.example/w AAAAAQID\n");
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	forge_note("checkpoint", "host/indelible/other", "");
	assert_verdict(judge(NULL), CHAIN_TAMPER);
	forge_note("checkpoint", end.origin, "");
	forge_note("../held", end.origin, "");
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
	leave_open();
	append_block(SEG3, middle.entries + 1, "\3\2\1\0........--------------------------------v",
		     45);
	forge_seal(SEAL_CLOSE, false);
	assert_verdict(judge(NULL), CHAIN_OK);
	one_run("\020more");
	assert_verdict(judge(NULL), CHAIN_TAMPER);
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

/* --- changed under the verifier's eyes ---------------------------------------------------------
 */

static int swap_seal(void *ctx, const struct chain_entry *entry)
{
	size_t len;
	uint8_t *data = slurp("seals", &len), *record = data + 160 * 69;

	(void)ctx;
	if (entry->index == 3) {
		record[150] ^= 1; /* of the signature, which is looked at once */
		fix_seal_crc(record);
		spew("seals", data, len);
	}
	free(data);
	return 0;
}

START_TEST(seals_change_meanwhile)
{
	struct chain_verify_options options = { .entry = swap_seal };
	struct chain *chain = open_chain(NULL);

	for (uint64_t i = 0; i < 70; i++) {
		append(chain, "\020x", CHAIN_CRITICAL, i * 100 * MS);
		chain_settle(chain);
	}
	close_chain(chain, 7000 * MS);
	assert_verdict(judge(NULL), CHAIN_OK);
	assert_verdict(judge(&options), CHAIN_TAMPER);
}
END_TEST

/* --- judge ----------------------------------------------------------------------------------- */

START_TEST(judge_rows)
{
	struct chain_report report = end;

	report.coverage.lost = 3;
	chain_judge(&report);
	assert_verdict(report, CHAIN_LOSS);
	ck_assert_int_eq(report.exit_code, 0);
	report.coverage.lost = 0;
	report.coverage.open = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_LOSS);
	report.recoveries = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report.coverage.gap = 2;
	report.coverage.gap_from = 4;
	report.coverage.gap_to = 6;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TAMPER);
	ck_assert_int_eq(report.exit_code, 1);
	ck_assert_uint_eq(report.from, 4);

	report = end;
	report.unsealed = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report = end;
	report.torn_bytes = 1;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report = end;
	report.torn_seal = true;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);

	report = end;
	report.closed = false;
	chain_judge(&report);
	assert_verdict(report, CHAIN_TORN);
	report.live = true;
	report.unsealed = 5;
	report.torn_bytes = 3;
	report.torn_seal = true;
	chain_judge(&report);
	assert_verdict(report, CHAIN_OK);
	report.found = CHAIN_UNVERIFIABLE;
	chain_judge(&report);
	ck_assert_int_eq(report.exit_code, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_attack");
	TCase *tcase = tcase_create("attack");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, held_matches);
	tcase_add_test(tcase, held_differs);
	tcase_add_test(tcase, held_many);
	tcase_add_test(tcase, held_note);
	tcase_add_test(tcase, held_note_of_another_log);
	tcase_add_test(tcase, pinned_key);
	tcase_add_test(tcase, stolen_identity_key);
	tcase_add_test(tcase, cut_at_close);
	tcase_add_test(tcase, cut_at_seal);
	tcase_add_test(tcase, cut_below_seal);
	tcase_add_test(tcase, rollback_with_keys);
	tcase_add_test(tcase, after_close);
	tcase_add_test(tcase, unsealed_tail);
	tcase_add_test(tcase, forbidden_entries);
	tcase_add_test(tcase, worst_verdict_counts);
	tcase_add_test(tcase, bent_recovery);
	tcase_add_test(tcase, left_out_recovery);
	tcase_add_test(tcase, bent_length);
	tcase_add_test(tcase, recovery_out_of_place);
	tcase_add_test(tcase, forged_notes);
	tcase_add_test(tcase, forged_seals);
	tcase_add_test(tcase, pruned);
	tcase_add_test(tcase, pruned_too_much);
	tcase_add_test(tcase, pruned_with_another_frontier);
	tcase_add_test(tcase, link_forward);
	tcase_add_test(tcase, segments_missing_without_prune);
	tcase_add_test(tcase, seals_change_meanwhile);
	tcase_add_test(tcase, judge_rows);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
