// SPDX-License-Identifier: Apache-2.0
/*
 * The matrix, keys: one who took the disk with every key file on it cuts, rewrites, seals,
 * recovers, starts anew, rolls back and clones. What cannot be found out without a held checkpoint
 * must say so.
 */
#include "chain_thief.h"

static int try_open(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain = NULL;
	int err = chain_open(&chain, &options, &opened, &chain_err);

	chain_abandon(chain);
	return err;
}

/* Good, but for a RECOVERY among the first entries or an end that no CLOSE seals. */
static enum chain_verdict as_good_as(uint64_t entries, bool closed)
{
	for (uint64_t i = 0; i < entries; i++)
		if (base.entry[i].data[0] == 2)
			return CHAIN_TORN;
	return closed ? CHAIN_OK : CHAIN_TORN;
}

/* --- cuts ------------------------------------------------------------------------------------ */

/* The checkpoint is no obstacle: its key is on the disk. The seal key is: it is too far on. */
START_TEST(cut_at_every_seal)
{
	struct thief thief;

	make_base(_i);
	thief = steal(base.seal_key);
	for (uint64_t n = 1; n < base.report.seals; n++) {
		enum chain_verdict good = as_good_as(base.size[n], seal_closes(n));

		cut_at_seal(n);
		cell("cut at seal", "seals", n,
		     base.noted > base.size[n] ? WANT_ROLLBACK
					       : (struct want){ good, CHAIN_ROLLBACK });
		forge_checkpoint(&thief, base.size[n], seal_record(n) + 32);
		cell("cut at seal", "", n, (struct want){ good, CHAIN_ROLLBACK });
		if (n == 1) {
			unlink(file_path("checkpoint"));
			cell("cut at seal", "checkpoint", n, (struct want){ good, CHAIN_ROLLBACK });
		}
		ck_assert_int_eq(try_open(), -ESTALE);
		restore_base();
	}
	end_matrix();
}
END_TEST

/* As CVE-2023-31437 of journald: sealed entries that are there, and are not shown. */
START_TEST(cve_2023_31437_hide_sealed_entries)
{
	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];
		uint8_t *data;

		if (!is_segment(f->name))
			continue;
		data = malloc(f->len);
		for (size_t at = header_len(f); at < counted_end(f);
		     at += 24 + get_u32(f->data + at + 16)) {
			memcpy(data, f->data, f->len);
			memset(data + at, 0, 24);
			spew(f->name, data, f->len);
			cell("block hidden", f->name, at, want_beyond(f->name, at));
			spew(f->name, data, at);
			cell("cut before block", f->name, at, want_beyond(f->name, at));
		}
		put_back(f);
		free(data);
	}
	/* The end goes, the seals stay: only entries that nothing vouches for may be missing. */
	for (uint64_t n = 0; n < base.report.seals; n++) {
		cut_at_seal(n);
		put_back(image_file(&base.image, "seals"));
		cell("entries cut", "", n, WANT_TAMPER);
		restore_base();
	}
	end_matrix();
}
END_TEST

/* As CVE-2023-31438: cut, then go on sealing. */
START_TEST(cve_2023_31438_cut_and_seal_anew)
{
	make_base(_i);
	for (uint64_t n = 1; n < base.report.seals; n++) {
		for (int recovery = 0; recovery < 2; recovery++) {
			struct thief thief = steal(base.seal_key);
			uint8_t root[32];
			uint64_t size;

			cut_at_seal(n);
			size = forge_segment(n, recovery);
			root_at(size, root);
			forge_seal(&thief, n + 1, size, 1, root);
			forge_checkpoint(&thief, size, root);
			cell("sealed anew", "", n, WANT_TAMPER);
			ck_assert_int_ne(try_open(), 0);
			restore_base();

			/* With his own key named by the last seal he leaves, too. */
			cut_at_seal(n);
			forge_segment(n, recovery);
			thief = steal(base.seal_key);
			forge_seal(&thief, n, base.size[n], 0, seal_record(n) + 32);
			fix_segment_keys();
			root_at(size, root);
			forge_seal(&thief, n + 1, size, 1, root);
			forge_checkpoint(&thief, size, root);
			cell("sealed anew from before", "", n, WANT_TAMPER);
			ck_assert_int_ne(try_open(), 0);
			restore_base();
		}
	}
	end_matrix();
}
END_TEST

/* A cut that claims to be a crash: without a seal it is one, and only a checkpoint can tell. */
START_TEST(cut_and_recovery)
{
	make_base(_i);
	for (uint64_t n = 1; n < base.report.seals; n++) {
		struct thief thief = steal(base.seal_key);
		struct chain_report report;
		enum chain_verdict held = CHAIN_ROLLBACK;

		cut_at_seal(n);
		if (forge_segment(n, true) >= base.report.sealed)
			held = CHAIN_FORK;
		forge_checkpoint(&thief, base.size[n], seal_record(n) + 32);
		cell("cut and RECOVERY", "", n, (struct want){ CHAIN_TORN, held });
		report = judge(NULL);
		ck_assert_uint_eq(report.unsealed, 3);
		ck_assert_uint_ge(report.recoveries, 1);
		ck_assert_int_eq(try_open(), -ESTALE);
		restore_base();
	}
	end_matrix();
}
END_TEST

START_TEST(bytes_after_close)
{
	static const uint8_t zeros[200];

	make_base(_i);
	for (uint64_t n = 1; n <= base.report.seals; n++) {
		for (int i = 0; seal_closes(n) && i < base.image.files; i++) {
			const struct file *f = &base.image.file[i];
			uint8_t *data, block[] = "INDB....1.......\7\0\0\0\1\0\0\0\0\5\020more";
			size_t end;

			if (!is_segment(f->name) || get_u64(f->data + 24) >= base.size[n] ||
			    base.size[n] > (successor(f) ? get_u64(successor(f)->data + 24)
							 : base.report.entries))
				continue;
			end = counted_end(f);
			data = malloc(end + 200);
			memcpy(data, f->data, end);
			put_u64(block + 8, base.size[n]);
			fix_block_crc(block);
			memcpy(data + end, block, 31);
			spew(f->name, data, end + 31);
			cell("block after CLOSE", f->name, n, WANT_TAMPER);
			for (size_t more = 1; more <= sizeof(zeros); more += 9) {
				memcpy(data + end, zeros, more);
				spew(f->name, data, end + more);
				cell("bytes after CLOSE", f->name, n, WANT_TAMPER);
			}
			if (n == base.report.seals)
				ck_assert_int_eq(try_open(), -EBADMSG);
			free(data);
			restore_base();
		}
	}
	end_matrix();
}
END_TEST

/* --- rewriting ------------------------------------------------------------------------------- */

/* As CVE-2023-31439: past entries changed, and everything that can be made right made right. */
START_TEST(cve_2023_31439_rewrite_the_past)
{
	make_base(_i);
	for (uint64_t i = 0; i < base.report.sealed; i++) {
		struct thief thief = steal(base.seal_key);
		uint64_t k = 1;
		uint8_t root[32];

		while (base.size[k] <= i)
			k++;
		rewrite_entry(i);
		cell("rewritten", "", i, WANT_TAMPER);
		fix_frontiers();
		cell("rewritten, frontiers right", "", i, WANT_TAMPER);
		for (; k <= base.report.seals; k++) {
			root_at(base.size[k], root);
			forge_seal(&thief, k, base.size[k], get_u32(seal_record(k) + 24), root);
		}
		fix_segment_keys();
		forge_checkpoint(&thief, base.report.sealed, root);
		cell("rewritten and sealed", "", i, WANT_TAMPER);
		ck_assert_int_ne(try_open(), 0);
		restore_base();
	}
	end_matrix();
}
END_TEST

/* The key of the moment seals what comes next: unsealed entries are his, sealed ones are not. */
START_TEST(rewrite_under_the_current_key)
{
	make_base(_i);
	base.foreign = true;
	for (uint64_t i = 0; i < base.report.entries; i++) {
		struct thief thief = steal(base.seal_key);
		uint64_t k = base.report.seals + 1, size = base.report.entries;
		struct want want = i < base.report.sealed ? WANT_TAMPER : WANT_TORN;
		uint8_t root[32];

		rewrite_entry(i);
		fix_frontiers();
		if (base.kind != BASE_CRASHED)
			size = forge_segment(base.report.seals, false);
		root_at(size, root);
		forge_seal(&thief, k, size, base.kind != BASE_CRASHED, root);
		forge_checkpoint(&thief, size, root);
		cell("rewritten, next seal right", "", i, want);
		restore_base();
	}
	/* He can go on, as the writer could have. */
	if (base.kind != BASE_CRASHED) {
		struct thief thief = steal(base.seal_key);
		uint64_t size = forge_segment(base.report.seals, false);
		struct want want = { base.report.verdict, base.report.verdict };
		uint8_t root[32];

		root_at(size, root);
		forge_seal(&thief, base.report.seals + 1, size, 1, root);
		forge_checkpoint(&thief, size, root);
		cell("gone on with", "", 0, want);
	}
	end_matrix();
}
END_TEST

/* Keys as old as a backup: all since then is his, and only a held checkpoint knows better. */
START_TEST(rewrite_with_stale_keys)
{
	make_base(_i);
	base.foreign = true;
	for (uint64_t i = base.size[3]; i < base.report.sealed; i++) {
		struct thief thief = steal(base.earlier_key);
		uint8_t root[32];

		ck_assert_uint_eq(thief.k, 4);
		rewrite_entry(i);
		fix_frontiers();
		root_at(base.size[4], root);
		forge_seal(&thief, 4, base.size[4], get_u32(seal_record(4) + 24), root);
		cell("one seal anew", "", i, WANT_TAMPER);
		for (uint64_t k = 5; k <= base.report.seals; k++) {
			root_at(base.size[k], root);
			forge_seal(&thief, k, base.size[k], get_u32(seal_record(k) + 24), root);
		}
		fix_segment_keys();
		if (base.noted >= base.size[3]) {
			root_at(base.noted, root);
			forge_checkpoint(&thief, base.noted, root);
		}
		cell("all seals anew", "", i, (struct want){ base.report.verdict, CHAIN_FORK });
		restore_base();
	}
	end_matrix();
}
END_TEST

/* --- the key files ---------------------------------------------------------------------------- */

static void put_key(const uint8_t *slots[2])
{
	uint8_t key[1024] = { 0 };

	for (int i = 0; i < 2; i++)
		if (slots[i])
			memcpy(key + 512 * i, slots[i] + 512 * (slots[i][0] ? 0 : 1), 512);
	spew("../D.keys/seal.key", key, sizeof(key));
}

/* An older key beside the current one, or in its place, changes nothing and does not stay. */
START_TEST(stale_key_slot)
{
	const uint8_t *slots[2] = { NULL, NULL };
	int current;
	uint8_t now[1024];

	make_base(_i);
	current = base.seal_key[0] ? 0 : 1;
	for (int way = 0; way < 2; way++) {
		struct chain *chain;
		struct chain_report report;

		slots[current] = base.seal_key;
		slots[!current] = way == 0 ? base.earlier_key : NULL;
		if (way == 0 && (base.earlier_key[0] ? 0 : 1) == current)
			continue; /* the same slot: it cannot stand beside */
		if (way == 1)
			spew("../D.keys/seal.key", base.earlier_key, 1024);
		else
			put_key(slots);
		chain = open_chain(NULL);
		take_key(now);
		ck_assert_ptr_null(
			memmem(now, 1024, base.earlier_key + (base.earlier_key[0] ? 48 : 560), 32));
		close_chain(chain, 0);
		report = judge(NULL);
		base.foreign = true;
		cell("stale key", "seal.key", (size_t)way,
		     (struct want){ base.report.verdict, base.report.verdict });
		ck_assert_uint_gt(report.sealed, base.report.sealed);
		restore_base();
		for (int i = 0; i < base.image.files + 3; i++)
			if (i >= strtol(base.last, NULL, 16))
				unlink(file_path(path_of("%016x.seg", i + 1)));
	}
	end_matrix();
}
END_TEST

/* The key ahead of the chain, by one seal or many: the chain was rolled back, nothing may grow. */
START_TEST(key_ahead_of_the_chain)
{
	struct thief thief;

	make_base(_i);
	thief = steal(base.seal_key);
	for (uint64_t n = 0; n < base.report.seals; n++) {
		uint8_t now[1024];

		cut_at_seal(n);
		if (n)
			forge_checkpoint(&thief, base.size[n], seal_record(n) + 32);
		else
			unlink(file_path("checkpoint"));
		ck_assert_int_eq(try_open(), -ESTALE);
		ck_assert_ptr_nonnull(strstr(chain_err.text, "rolled back"));
		take_key(now);
		ck_assert_mem_eq(now, base.seal_key, 1024);
		cell("still as cut", "", n,
		     n ? (struct want){ as_good_as(base.size[n], seal_closes(n)), CHAIN_ROLLBACK }
		       : WANT_UNVERIFIABLE);
		restore_base();
	}
	end_matrix();
}
END_TEST

/* --- other histories ---------------------------------------------------------------------------
 */

static void back_to_the_first_run(void)
{
	for (int i = 0; i < base.image.files; i++) {
		const char *name = base.image.file[i].name;

		if (is_segment(name) && strcmp(name, SEG1) != 0 && strcmp(name, SEG2) != 0)
			unlink(file_path(name));
	}
	unlink(file_path(SEG4));
	spew("seals", image_file(&base.image, "seals")->data, 160 * 4);
	spew("../D.keys/seal.key", base.earlier_key, 1024);
}

/* Disk and keys rolled back together (a snapshot) and grown again, to every size around what is
 * held: good by itself, never beside the checkpoint. */
START_TEST(regrow_past_a_held_size)
{
	struct thief thief;

	make_base(_i);
	thief = steal(base.earlier_key);
	base.foreign = true;
	for (uint64_t more = 0; more < base.report.sealed + 4; more++) {
		struct chain *chain;
		struct chain_report report;

		back_to_the_first_run();
		forge_checkpoint(&thief, base.size[3], seal_record(3) + 32);
		if (more == 0)
			cell("snapshot", "", 0, WANT_CUT_AT_CLOSE);
		chain = open_chain(NULL);
		for (uint64_t i = 0; i < more; i++)
			append(chain, "\020regrown", CHAIN_NORMAL, 0);
		close_chain(chain, 0);
		report = judge(NULL);
		cell("regrown", "", more,
		     (struct want){ CHAIN_OK, report.sealed < base.report.sealed ? CHAIN_ROLLBACK
										 : CHAIN_FORK });
		restore_base();
	}
	end_matrix();
}
END_TEST

/* The disk as it was at the snapshot, the keys as they are. */
START_TEST(snapshot_of_the_disk_alone)
{
	struct thief thief;

	make_base(_i);
	thief = steal(base.seal_key);
	back_to_the_first_run();
	spew("../D.keys/seal.key", base.seal_key, 1024);
	forge_checkpoint(&thief, base.size[3], seal_record(3) + 32);
	cell("snapshot", "", 0, WANT_CUT_AT_CLOSE);
	ck_assert_int_eq(try_open(), -ESTALE);
	end_matrix();
}
END_TEST

static void pinned_cell(const char *what, const char *vkey, const char *const *notes,
			enum chain_verdict want)
{
	judge_cell_by(what, "", 0,
		      (struct chain_verify_options){ .vkey = vkey, .checkpoints = notes }, want);
}

/* A new log made with the identity key of this one, telling a story of its own. */
START_TEST(new_genesis_with_the_stolen_identity_key)
{
	const char *held[2] = { NULL, NULL };
	const struct file *note;
	uint8_t *identity;
	size_t len;

	make_base(_i);
	held[0] = file_path("../held");
	note = image_file(&base.image, "checkpoint");
	spew("../held", note->data, note->len);
	pinned_cell("pinned", base.report.vkey, NULL, base.report.verdict);
	identity = slurp("../D.keys/identity.key", &len);
	for (int way = 0; way < 2; way++) {
		struct file *pub = image_file(&base.image, "identity.pub");

		remove_tree(chain_path);
		remove_tree(keys_path);
		ck_assert_int_eq(mkdir(chain_path, 0700) | mkdir(keys_path, 0700), 0);
		spew("../D.keys/identity.key", identity, 32);
		first_run();
		for (int i = 0; i < 4; i++)
			closed_run("\020another story");
		if (way == 1) /* under the name of the old log */
			put_back(pub);
		base.foreign = true;
		cell("new genesis", "", (size_t)way,
		     way ? WANT_TAMPER : (struct want){ CHAIN_OK, CHAIN_FORK });
		pinned_cell("new genesis, pinned", base.report.vkey, NULL, CHAIN_UNVERIFIABLE);
		pinned_cell("new genesis, held note", NULL, held,
			    way ? CHAIN_TAMPER : CHAIN_UNVERIFIABLE);
	}
	free(identity);
	end_matrix();
}
END_TEST

/* Two hosts from one image: on another machine it does not start; on the same one, the two differ
 * from where they parted, and each is good by itself. */
START_TEST(clone_and_fork)
{
	struct chain_options other = test_options();
	struct chain_held head[2] = { { 0 } };
	struct chain_opened opened;
	struct chain *chain;

	make_base(_i);
	other.machine_id = bytes_of_text("fedcba9876543210fedcba9876543210");
	ck_assert_int_eq(chain_open(&chain, &other, &opened, &chain_err), -EKEYREJECTED);
	cell("refused clone", "", 0, (struct want){ base.report.verdict, base.report.verdict });
	base.foreign = true;
	for (int twin = 0; twin < 2; twin++) {
		struct chain_report report;
		enum chain_verdict alone = CHAIN_OK;

		if (base.kind != BASE_CLOSED)
			alone = CHAIN_TORN;
		closed_run(twin ? "\020the other" : "\020the one");
		report = judge(NULL);
		cell("clone", "", (size_t)twin, (struct want){ alone, alone });
		head[twin].size = report.sealed;
		memcpy(head[twin].root, report.root, CHAIN_HASH);
		if (twin)
			judge_cell_by(
				"clone beside its twin", "", 1,
				(struct chain_verify_options){ .held = head, .held_count = 1 },
				CHAIN_FORK);
		restore_base();
		unlink(file_path(path_of("%016llx.seg", strtoull(base.last, NULL, 16) + 1)));
	}
	end_matrix();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_matrix_keys");
	TCase *tcase = tcase_create("keys");
	const TTest *tests[] = {
		cut_at_every_seal,
		cve_2023_31437_hide_sealed_entries,
		cve_2023_31438_cut_and_seal_anew,
		cut_and_recovery,
		bytes_after_close,
		cve_2023_31439_rewrite_the_past,
		rewrite_under_the_current_key,
		rewrite_with_stale_keys,
		stale_key_slot,
		key_ahead_of_the_chain,
		regrow_past_a_held_size,
		snapshot_of_the_disk_alone,
		new_genesis_with_the_stolen_identity_key,
		clone_and_fork,
	};

	tcase_add_checked_fixture(tcase, NULL, drop_base);
	tcase_set_timeout(tcase, 120);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_loop_test(tcase, tests[i], 0, BASES);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
