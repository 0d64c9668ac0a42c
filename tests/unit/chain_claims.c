// SPDX-License-Identifier: Apache-2.0
/*
 * What is told, whole, of claims about a size (held by the verifier, or the chain's own), of an end
 * that was left open, and of directories in which little is left.
 */
#include "chain_tell.h"

#include <sys/file.h>

#include "chain/pack.h"

/* --- claims about a size -----------------------------------------------------------------------
 */

static void expect_held(struct chain_held *held, size_t count, const char *want)
{
	struct chain_verify_options options = { .held = held, .held_count = count };
	struct chain_report report = judge(&options);

	expect("held", held[0].size, tell(&report), want);
}

/* Every size there is, a seal's or not; and one there is not. */
START_TEST(held_sizes)
{
	struct chain_held held = { .size = 0 };

	differences = 0;
	for (; held.size <= base.report.entries; held.size++) {
		root_at(held.size, held.root);
		expect_held(&held, 1,
			    path_of("TORN  +0 [0,0) | 16 16 16/9 0 %d | 1 3 12 0 | 0 0 | closed",
				    16 - (int)held.size));
		held.root[31] ^= 1;
		expect_held(
			&held, 1,
			path_of("FORK a held checkpoint has another root at size %d +0 [%d,%d) | "
				"16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed",
				(int)held.size, (int)held.size, (int)held.size));
	}
	expect_held(&held, 1,
		    "ROLLBACK a held checkpoint is at size 17, the last seal at 16 +0 [16,17) | "
		    "16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* In any order, the same twice; the worst is told, and of those as bad the first. */
START_TEST(held_many)
{
	static const uint64_t sizes[] = { 14, 3, 9, 3, 12, 1 };
	struct chain_held held[6];

	differences = 0;
	for (int bad = -1; bad < 6; bad++) {
		for (int i = 0; i < 6; i++) {
			held[i].size = sizes[i];
			root_at(sizes[i], held[i].root);
			held[i].root[0] ^= i == bad;
		}
		expect_held(
			held, 6,
			bad < 0 ? "TORN  +0 [0,0) | 16 16 16/9 0 2 | 1 3 12 0 | 0 0 | closed"
				: path_of("FORK a held checkpoint has another root at size %d "
					  "+0 [%d,%d) | 16 16 16/9 0 %d | 1 3 12 0 | 0 0 | closed",
					  (int)sizes[bad], (int)sizes[bad], (int)sizes[bad],
					  bad == 0 ? 4 : 2));
	}
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* The identity key signs what the seals do not say. */
START_TEST(own_checkpoint_forged)
{
	struct thief thief = steal(base.seal_key);
	struct chain_report report;
	uint8_t root[32];

	differences = 0;
	root_at(14, root);
	forge_checkpoint(&thief, 14, root);
	report = judge(NULL);
	expect("own", 0, tell(&report),
	       "TORN  +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed");
	forge_checkpoint(&thief, 9, root);
	report = judge(NULL);
	expect("own", 1, tell(&report),
	       "FORK the chain's own checkpoint has another root at size 9 +0 [9,9) | 16 16 16/9 0 "
	       "16 | 1 3 12 0 | 0 0 | closed");
	forge_checkpoint(&thief, 17, root);
	report = judge(NULL);
	expect("own", 2, tell(&report),
	       "ROLLBACK the chain's own checkpoint is at size 17, the last seal at 16 +0 [16,17) "
	       "| 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

static void write_two(const char *path, const char *one, const char *two)
{
	FILE *f = fopen(path, "w");

	fputs(one, f);
	fputs(two, f);
	fclose(f);
}

static void expect_file(const char *name, int want, const char *want_told)
{
	const char *files[] = { name, NULL };
	struct chain_verify_options options = { .dir = chain_path,
						.checkpoints = files,
						.threads = 1 };
	struct chain_report report;
	int code = chain_verify(&options, &report, &chain_err);

	ck_assert_int_eq(code, want);
	if (code == 0)
		chain_judge(&report);
	expect("file", 0, code ? chain_err.text : tell(&report), want_told);
}

START_TEST(held_files)
{
	const struct file *note = image_file(&base.image, "checkpoint");
	char *text = calloc(1, note->len + 2), origin[320];
	const char *path = file_path("../note");

	differences = 0;
	ck_assert_int_eq(chdir(test_dir), 0);
	expect_file("note", -ENOENT, "note: No such file or directory");
	expect_file("D", -EINVAL, "D: no signed note");
	spew("../note", note->data, note->len);
	expect_file("note", 0, "TORN  +0 [0,0) | 16 16 16/9 0 0 | 1 3 12 0 | 0 0 | closed");
	spew("../note", note->data, note->len - 1);
	expect_file("note", -EINVAL, "note: line 5: bad signature line");
	/* another size: nobody signed that */
	memcpy(text, note->data, note->len);
	strchr(text, '\n')[1] ^= 2;
	spew("../note", text, note->len);
	expect_file("note", 0,
		    path_of("UNVERIFIABLE held checkpoint note has no valid signature of "
			    "this log, %s +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | "
			    "closed",
			    base.report.origin));
	/* another log, with a name too long to be told whole */
	memset(origin, 'o', sizeof(origin));
	memcpy(origin + 300, "\n", 2);
	write_two(path, origin, strchr((const char *)note->data, '\n') + 1);
	expect_file(
		"note", 0,
		path_of("UNVERIFIABLE held checkpoint note is of another log, %.128s; this log is "
			"%s +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed",
			origin, base.report.origin));
	write_two(path, "short\n", strchr((const char *)note->data, '\n') + 1);
	expect_file(
		"note", 0,
		path_of("UNVERIFIABLE held checkpoint note is of another log, short; this log is "
			"%s +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed",
			base.report.origin));
	free(text);
	text = malloc(300 << 10);
	memset(text, 'x', 300 << 10);
	spew("../note", text, 300 << 10);
	expect_file("note", -EINVAL, "note: no signed note");
	free(text);
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* --- an end that was left open -----------------------------------------------------------------
 */

START_TEST(crashed)
{
	static const struct row rows[] = {
		{ NOTHING, "", 0, 0, "", "TORN  +0 [0,0) | 12 9 9/6 3 12 | 0 0 0 12 | 0 0 |" },
		{ PUT, SEG4, 0, 0, "x",
		  "TAMPER segment header is cut short 0000000000000004.seg+0 [6,9) | 6 6 9/6 0 6 | "
		  "0 0 0 0 | 0 0 |" },
		{ COPY, SEG3, 0, 0, SEG4,
		  "TAMPER segment header has another number than the file name "
		  "0000000000000004.seg+0 [6,9) | 6 6 9/6 0 6 | 0 0 0 0 | 0 0 |" },
		{ FIX, SEG3, 4, 26, "\x10",
		  "TAMPER entry of type 0 0000000000000003.seg+330 [9,9) | 9 9 9/6 0 9 | 0 0 0 0 | "
		  "0 0 |" },
		{ FIX, SEG3, 4, 26, "\x15",
		  "UNVERIFIABLE unknown entry type 05 0000000000000003.seg+330 [9,10) | 12 9 9/6 3 "
		  "12 | 0 0 0 12 | 0 0 |" },
		{ FIX, SEG3, 4, 30, "\1", "TORN  +0 [0,0) | 12 9 9/6 3 12 | 0 0 0 12 | 0 0 |" },
		{ FLIP, SEG3, 4, 30, "\1", "TORN  +0 [0,0) | 9 9 9/6 0 9 | 0 0 0 92 | 0 0 |" },
		{ FIX, SEG3, 5, 26, "\x13",
		  "TAMPER SCHEMA out of place 0000000000000003.seg+375 [11,11) | 11 9 9/6 0 11 | 0 "
		  "0 0 0 | 0 0 |" },
		{ CUT, SEG3, 4, 0, "", "TORN  +0 [0,0) | 9 9 9/6 0 9 | 0 0 0 0 | 0 0 |" },
		{ CUT, SEG3, 4, 3, "", "TORN  +0 [0,0) | 9 9 9/6 0 9 | 0 0 0 3 | 0 0 |" },
		{ CUT, SEG3, 3, 0, "",
		  "TAMPER sealed entries are missing 0000000000000003.seg+274 [8,9) | 8 8 9/6 0 8 "
		  "| 0 0 0 0 | 0 0 |" },
		{ CUT, SEG3, 0, -3, "", "TORN  +0 [0,0) | 12 9 9/6 3 12 | 0 0 0 9 | 0 0 |" },
		{ ADD, SEG3, 0, 0, "more", "TORN  +0 [0,0) | 12 9 9/6 3 12 | 0 0 0 16 | 0 0 |" },
		{ DROP, SEG3, 0, 0, "",
		  "TAMPER sealed entries are missing 0000000000000002.seg+243 [6,9) | 6 6 9/6 0 6 "
		  "| 0 0 0 0 | 0 0 |" },
		{ CUT, "seals", 6, 0, "", "TORN  +0 [0,0) | 12 8 8/5 4 12 | 0 0 0 12 | 0 0 |" },
		{ CUT, "seals", 6, 9, "",
		  "TORN  +0 [0,0) | 12 8 8/5 4 12 | 0 0 0 12 | 0 0 | torn-seal" },
		{ FLIP, "seals", 6, 90, "\1",
		  "TORN  +0 [0,0) | 12 8 8/5 4 12 | 0 0 0 12 | 0 0 | torn-seal" },
	};

	TELL_ALL("crashed", rows);
}
END_TEST

static void setup_faulty(void)
{
	make_base(BASE_FAULTY);
}

/* Dead bytes of a failed write are judged by nobody, but packed bytes are whole or they are not. */
START_TEST(packed_dead_bytes)
{
	static const char name[] = "0000000000000005.segz";
	struct chain_packed packed;
	struct chain_report report;
	char large[5000];
	uint64_t state = 1;
	uint8_t *data;
	size_t len;

	/* so large that dead bytes are not unpacked with the header */
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(0x20 + (state = state * 6364136223846793005u + 1) % 95);
	large[sizeof(large) - 1] = 0;
	faulty_run(large);
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), 0);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.recoveries, 2);
	data = slurp(name, &len);
	for (size_t at = 0; at < 16; at++) {
		size_t byte = at < 8 ? len - 1 - at : at; /* the end of the stream; the crc */

		if (byte >= 12 && byte < 16)
			continue;
		data[byte] ^= 1;
		spew(name, data, len);
		report = judge(NULL);
		data[byte] ^= 1;
		assert_verdict(report, CHAIN_TAMPER);
		ck_assert_str_eq(report.file, name);
	}
	free(data);
}
END_TEST

static void setup_crashed(void)
{
	make_base(BASE_CRASHED);
}

/* A segment after it whose header is that of the last one. */
static void follow(uint8_t at, const uint8_t *value, size_t len)
{
	struct file f;

	f.data = slurp(SEG3, &f.len);
	put_u64(f.data + 16, 4);
	memcpy(f.data + at, value, len);
	fix_segment_crc(f.data, header_len(&f));
	spew(SEG4, f.data, header_len(&f));
	free(f.data);
}

/* Seals that a live writer added since they were read name segments that were not yet listed. */
START_TEST(live)
{
	struct chain_report report;
	int fd = open(chain_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint8_t seal[8];

	differences = 0;
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	report = judge(NULL);
	expect("live", 0, tell(&report), "OK  +0 [0,0) | 12 9 9/6 3 12 | 0 0 0 12 | 0 0 | live");
	put_u64(seal, base.report.seals + 2);
	follow(32, seal, 8);
	report = judge(NULL);
	expect("live", 1, tell(&report), "OK  +0 [0,0) | 12 9 9/6 3 12 | 0 0 0 12 | 0 0 | live");
	put_u64(seal, base.report.seals + 1);
	follow(32, seal, 8);
	report = judge(NULL);
	expect("live", 2, tell(&report),
	       "TAMPER block is cut short 0000000000000003.seg+208 [6,7) | 6 6 9/6 0 6 | 0 0 0 0 | "
	       "0 0 | live");
	put_u64(seal, base.report.seals + 2);
	follow(32, seal, 8);
	make_change(&(struct row){ FIX, SEG4, 0, 16, "\1", "" });
	report = judge(NULL);
	expect("live", 4, tell(&report),
	       "TAMPER segment header has another number than the file name 0000000000000004.seg+0 "
	       "[6,9) | 6 6 9/6 0 6 | 0 0 0 0 | 0 0 | live");
	close(fd);
	follow(32, seal, 8);
	report = judge(NULL);
	expect("live", 3, tell(&report),
	       "TAMPER block is cut short 0000000000000003.seg+208 [6,7) | 6 6 9/6 0 6 | 0 0 0 0 | "
	       "0 0 |");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* --- nothing, or nearly ------------------------------------------------------------------------
 */

static void drop_all_but(const char *kept)
{
	restore_base();
	for (int i = 0; i < base.image.files; i++)
		if (!strstr(kept, base.image.file[i].name))
			unlink(file_path(base.image.file[i].name));
}

START_TEST(little_is_left)
{
	static const struct {
		const char *kept, *told;
	} rows[] = {
		{ "",
		  "UNVERIFIABLE there is no chain here +0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ "identity.pub",
		  "UNVERIFIABLE there is no chain here +0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ "checkpoint",
		  "TAMPER seals is missing seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ SEG2, "TAMPER seals is missing seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ "seals", "TAMPER identity.pub is missing identity.pub+0 [0,0) | 0 0 0/0 0 0 | 0 "
			   "0 0 0 | 0 0 |" },
		{ "seals identity.pub", "TAMPER checkpoint is missing checkpoint+0 [0,16) | 0 0 "
					"16/9 0 0 | 0 0 0 0 | 0 0 | closed" },
		{ "seals identity.pub checkpoint", "TAMPER all segments are missing +0 [0,16) | 0 "
						   "0 16/9 0 0 | 0 0 0 0 | 0 0 | closed" },
		{ "seals identity.pub checkpoint " SEG1,
		  "TAMPER sealed entries are missing 0000000000000001.seg+243 [4,16) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 0 | closed" },
		{ "seals identity.pub checkpoint " SEG4,
		  "TAMPER segments before 0000000000000004 are missing +0 [0,12) | 16 16 16/9 0 16 "
		  "| 1 3 0 0 | 12 0 | closed" },
	};
	struct chain_report report;

	differences = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		drop_all_but(rows[i].kept);
		report = judge(NULL);
		expect("left", i, tell(&report), rows[i].told);
	}
	/* Before the first seal: a crash may have left that. */
	drop_all_but("seals identity.pub " SEG1);
	change_bytes(&(struct row){ CUT, "seals", 1, 0, "", "" });
	report = judge(NULL);
	expect("left", 100, tell(&report), "TORN  +0 [0,0) | 4 0 0/0 4 4 | 0 0 0 0 | 0 0 |");
	drop_all_but("seals identity.pub");
	change_bytes(&(struct row){ CUT, "seals", 1, 0, "", "" });
	report = judge(NULL);
	expect("left", 101, tell(&report),
	       "UNVERIFIABLE nothing was written yet +0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |");
	drop_all_but("seals identity.pub " SEG1);
	change_bytes(&(struct row){ CUT, "seals", 2, 0, "", "" });
	report = judge(NULL);
	expect("left", 102, tell(&report), "TORN  +0 [0,0) | 4 1 1/1 3 4 | 0 0 0 0 | 0 0 |");
	drop_all_but("seals identity.pub " SEG1);
	change_bytes(&(struct row){ CUT, "seals", 3, 0, "", "" });
	report = judge(NULL);
	expect("left", 103, tell(&report),
	       "TAMPER checkpoint is missing checkpoint+0 [0,4) | 0 0 4/2 0 0 | 0 0 0 0 | 0 0 |");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* --- what is gathered, entry by entry ----------------------------------------------------------
 */

static uint64_t gathered, merged;

static int gather_one(void *part, const struct chain_entry *entry)
{
	(void)part;
	gathered = entry->index + 1;
	return 1;
}

static int merge_it(void *ctx, void *part)
{
	(void)ctx, (void)part;
	merged = gathered;
	return 0;
}

/* What a RECOVERY says is looked at once, and before anything of it is merged. */
START_TEST(merged_one_by_one)
{
	struct chain_verify_options options = {
		.dir = chain_path, .threads = 1, .watch = { NULL, NULL, NULL, gather_one, merge_it }
	};
	struct chain_report report;

	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	ck_assert_uint_eq(report.recoveries, 1);
	ck_assert_uint_eq(report.adopted, 3);
	ck_assert_uint_eq(merged, 16);
	change_bytes(&(struct row){ FLIP, SEG3, 0, -3, "\1", "" });
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	ck_assert_int_eq(report.found, CHAIN_TAMPER);
	ck_assert_uint_eq(gathered, 14);
	ck_assert_uint_eq(merged, 13);
}
END_TEST

/* The second RECOVERY is held to its torn tail like the first. */
START_TEST(recovered_twice)
{
	struct chain *chain = open_chain(NULL);
	struct chain_report report;
	int fd;

	append(chain, "\020more", CHAIN_NORMAL, 0);
	ck_assert_int_eq(chain_tick(chain, 10 * MS), 0);
	chain_settle(chain);
	chain_abandon(chain);
	fd = open(file_path(SEG5), O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "INDB", 4), 4);
	close(fd);
	close_chain(open_chain(NULL), 0);
	differences = 0;
	report = judge(NULL);
	expect("twice", 0, tell(&report),
	       "TORN  +0 [0,0) | 21 21 21/12 0 21 | 2 4 16 0 | 0 0 | closed");
	fd = open(file_path(SEG5), O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "I", 1), 1);
	close(fd);
	report = judge(NULL);
	expect("twice", 1, tell(&report),
	       "TAMPER RECOVERY does not agree with the torn tail 0000000000000006.seg+246 [19,20) "
	       "| 19 17 21/12 0 19 | 1 3 17 0 | 0 0 | closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* The first segment there can be is the first of the log, wherever its header says it begins. */
START_TEST(first_segment_elsewhere)
{
	struct chain_report report;
	struct file f;

	f.data = slurp(SEG3, &f.len);
	put_u64(f.data + 16, 1);
	put_u64(f.data + 40, 0);
	fix_segment_crc(f.data, header_len(&f));
	spew(SEG1, f.data, f.len);
	free(f.data);
	differences = 0;
	report = judge(NULL);
	expect("elsewhere", 0, tell(&report),
	       "TAMPER first segment does not begin at 0 0000000000000001.seg+24 [0,1) | 0 0 16/9 "
	       "0 0 | 0 0 0 0 | 0 0 | closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* One seal, and a checkpoint that could still be missing: when it is there, it counts. */
START_TEST(checkpoint_beside_one_seal)
{
	struct chain_report report;

	differences = 0;
	drop_all_but("seals identity.pub checkpoint " SEG1);
	change_bytes(&(struct row){ CUT, "seals", 2, 0, "", "" });
	report = judge(NULL);
	expect("one", 0, tell(&report),
	       "ROLLBACK the chain's own checkpoint is at size 16, the last seal at 1 +0 [1,16) | "
	       "4 1 1/1 3 4 | 0 0 0 0 | 0 0 |");
	make_change(&(struct row){ FOLDER, "checkpoint", 0, 0, "", "" });
	report = judge(NULL);
	expect("one", 1, tell(&report),
	       "TAMPER checkpoint is no signed note checkpoint+0 [0,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 "
	       "0 |");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* The chain's own checkpoint has no more lines than three, also when they are signed. */
START_TEST(own_checkpoint_extended)
{
	struct thief thief = steal(base.seal_key);
	struct chain_report report;

	differences = 0;
	snprintf(thief.extension, sizeof(thief.extension), "more\n");
	forge_checkpoint(&thief, base.report.sealed, base.report.root);
	report = judge(NULL);
	expect("extended", 0, tell(&report),
	       "TAMPER lines after the root checkpoint+0 [0,0) | 0 0 16/9 0 0 | 0 0 0 0 | 0 0 | "
	       "closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* Each one of those that are given is looked at, and the chain's own besides. */
START_TEST(all_checkpoints_count)
{
	const char *files[3] = { NULL };
	struct chain_verify_options options = { .checkpoints = files };
	const struct file *note = image_file(&base.image, "checkpoint");
	struct thief thief = steal(base.seal_key);
	char good[256], forged[256];
	struct chain_report report;
	uint8_t root[32] = { 0 }, *data;
	size_t len;

	snprintf(good, sizeof(good), "%s", file_path("../good"));
	snprintf(forged, sizeof(forged), "%s", file_path("../forged"));
	forge_checkpoint(&thief, 9, root);
	spew("../good", note->data, note->len);
	files[0] = good;
	differences = 0;
	report = judge(&options);
	expect("all", 0, tell(&report),
	       "FORK the chain's own checkpoint has another root at size 9 +0 [9,9) | 16 16 16/9 0 "
	       "0 | 1 3 12 0 | 0 0 | closed");
	data = slurp("checkpoint", &len);
	spew("../forged", data, len);
	free(data);
	put_back(note);
	files[1] = forged;
	report = judge(&options);
	expect("all", 1, tell(&report),
	       "FORK a held checkpoint has another root at size 9 +0 [9,9) | 16 16 16/9 0 0 | 1 3 "
	       "12 0 | 0 0 | closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* Of what cannot be read, no size is compared with anything. */
START_TEST(unknown_version_is_not_judged)
{
	struct chain_held held = { .size = 17 };
	struct chain_verify_options options = { .held = &held, .held_count = 1 };
	struct chain_report report;

	differences = 0;
	change_bytes(&(struct row){ FLIP, SEG3, 0, 7, "\3", "" });
	report = judge(&options);
	expect("version", 0, tell(&report),
	       "UNVERIFIABLE unknown segment version 0000000000000003.seg+0 [4,4) | 4 4 16/9 0 4 | "
	       "0 0 0 0 | 0 0 | closed");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* One torn seal there may be, and not two. */
START_TEST(two_torn_seals)
{
	struct chain_report report;

	differences = 0;
	change_bytes(&(struct row){ FLIP, "seals", 9, 20, "\1", "" });
	make_change(&(struct row){ ADD, "seals", 0, 0, "SEAL", "" });
	report = judge(NULL);
	expect("torn", 0, tell(&report),
	       "TAMPER seal 9: bad crc seals+1440 [15,15) | 0 0 15/8 0 0 | 0 0 0 0 | 0 0 |");
	make_change(&(struct row){ ADD, "seals", 0, 0, "SEAL", "" });
	report = judge(NULL);
	expect("torn", 1, tell(&report),
	       "TAMPER seal 9: bad crc seals+1440 [15,15) | 0 0 15/8 0 0 | 0 0 0 0 | 0 0 |");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* Two segments behind the last seal, and then something else. */
START_TEST(broken_behind_the_seals)
{
	struct chain_report report;

	differences = 0;
	change_bytes(&(struct row){ CUT, "seals", 7, 0, "", "" });
	make_change(&(struct row){ PUT, SEG5, 0, 0, "x", "" });
	report = judge(NULL);
	expect("broken", 0, tell(&report),
	       "TAMPER segment header is cut short 0000000000000005.seg+0 [12,12) | 12 9 9/6 0 12 "
	       "| 0 0 12 0 | 0 0 |");
	ck_assert_int_eq(differences, 0);
}
END_TEST

/* Behind the last seal there is no other to go on to. */
START_TEST(first_segment_behind_the_seals)
{
	struct chain_report report;

	drop_all_but("seals identity.pub checkpoint " SEG4);
	change_bytes(&(struct row){ CUT, "seals", 7, 0, "", "" });
	differences = 0;
	report = judge(NULL);
	expect("behind", 0, tell(&report),
	       "TAMPER segments before 0000000000000004 are missing +0 [0,12) | 16 0 9/6 0 16 | 1 "
	       "3 0 0 | 12 0 |");
	ck_assert_int_eq(differences, 0);
}
END_TEST

static void setup(void)
{
	make_base(BASE_RECOVERED);
}

int main(void)
{
	Suite *suite = suite_create("chain_claims");
	TCase *tcase = tcase_create("claims");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, drop_base);
	tcase_add_test(tcase, held_sizes);
	tcase_add_test(tcase, held_many);
	tcase_add_test(tcase, own_checkpoint_forged);
	tcase_add_test(tcase, held_files);
	tcase_add_test(tcase, little_is_left);
	tcase_add_test(tcase, merged_one_by_one);
	tcase_add_test(tcase, recovered_twice);
	tcase_add_test(tcase, first_segment_elsewhere);
	tcase_add_test(tcase, checkpoint_beside_one_seal);
	tcase_add_test(tcase, own_checkpoint_extended);
	tcase_add_test(tcase, all_checkpoints_count);
	tcase_add_test(tcase, unknown_version_is_not_judged);
	tcase_add_test(tcase, two_torn_seals);
	tcase_add_test(tcase, broken_behind_the_seals);
	tcase_add_test(tcase, first_segment_behind_the_seals);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("crashed");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup_crashed, drop_base);
	tcase_add_test(tcase, crashed);
	tcase_add_test(tcase, live);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("faulty");
	tcase_add_checked_fixture(tcase, setup_faulty, drop_base);
	tcase_add_test(tcase, packed_dead_bytes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
