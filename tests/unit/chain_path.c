// SPDX-License-Identifier: Apache-2.0
/* Merkle proofs: known answers, the definition of RFC 6962 for every small tree, and that nothing
 * but the proof itself is taken for it. */
#include "chain_util.h"

#include <sodium.h>

#include "chain/path.h"

#define LEAVES 80

static uint8_t leaf[LEAVES][CHAIN_HASH];

static void setup(void)
{
	for (int i = 0; i < LEAVES; i++) {
		uint8_t data[2] = { 0, (uint8_t)i };

		crypto_hash_sha256(leaf[i], data, sizeof(data));
	}
}

/* --- the definitions, as they stand in RFC 6962 ----------------------------------------------- */

static uint64_t half(uint64_t n)
{
	uint64_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

static void mth(uint64_t from, uint64_t to, uint8_t ret[CHAIN_HASH])
{
	uint8_t both[65] = { 1 };
	uint64_t k = from + half(to - from);

	if (to - from == 1) {
		memcpy(ret, leaf[from], CHAIN_HASH);
		return;
	}
	mth(from, k, both + 1);
	mth(k, to, both + 33);
	crypto_hash_sha256(ret, both, sizeof(both));
}

static void add(struct path *path, uint64_t from, uint64_t to)
{
	mth(from, to, path->hash[path->count++]);
}

static void define_path(uint64_t m, uint64_t from, uint64_t to, struct path *ret)
{
	uint64_t k = half(to - from);

	if (to - from == 1)
		return;
	define_path(m < k ? m : m - k, m < k ? from : from + k, m < k ? from + k : to, ret);
	add(ret, m < k ? from + k : from, m < k ? to : from + k);
}

static void define_subproof(uint64_t m, uint64_t from, uint64_t to, bool known, struct path *ret)
{
	uint64_t k = half(to - from);

	if (m == to - from) {
		if (!known)
			add(ret, from, to);
		return;
	}
	if (m <= k) {
		define_subproof(m, from, from + k, known, ret);
		add(ret, from + k, to);
	} else {
		define_subproof(m - k, from + k, to, false, ret);
		add(ret, from, from + k);
	}
}

/* --- ours ------------------------------------------------------------------------------------- */

static void fill(const struct span *spans, int count, struct path *ret)
{
	ck_assert_int_ge(count, 0);
	ret->count = (unsigned)count;
	for (int i = 0; i < count; i++) {
		uint64_t width = 1;

		while (width < spans[i].to - spans[i].from)
			width *= 2;
		ck_assert_uint_eq(spans[i].from % width, 0);
		mth(spans[i].from, spans[i].to, ret->hash[i]);
	}
}

static void include(uint64_t index, uint64_t size, struct path *ret)
{
	struct span spans[PROOF_HASHES];

	fill(spans, inclusion_spans(index, size, spans), ret);
}

static void grow(uint64_t from, uint64_t to, struct path *ret)
{
	struct span spans[PROOF_HASHES];

	fill(spans, growth_spans(from, to, spans), ret);
}

static void assert_same(const struct path *a, const struct path *b)
{
	ck_assert_uint_eq(a->count, b->count);
	ck_assert_mem_eq(a->hash, b->hash, a->count * sizeof(a->hash[0]));
}

START_TEST(as_defined)
{
	uint8_t root[CHAIN_HASH], old[CHAIN_HASH];

	for (uint64_t n = 1; n <= LEAVES; n++) {
		mth(0, n, root);
		for (uint64_t i = 0; i < n; i++) {
			struct path want = { 0 }, got;

			define_path(i, 0, n, &want);
			include(i, n, &got);
			assert_same(&got, &want);
			ck_assert_int_eq(check_inclusion(i, n, leaf[i], &got, root), 0);
		}
		for (uint64_t m = 1; m <= n; m++) {
			struct path want = { 0 }, got;

			define_subproof(m, 0, n, true, &want);
			grow(m, n, &got);
			assert_same(&got, &want);
			mth(0, m, old);
			ck_assert_int_eq(check_growth(m, old, n, root, &got), 0);
		}
	}
}
END_TEST

/* --- anything else is refused ----------------------------------------------------------------- */

/* One hash less, more, exchanged, or one bit in any of them. */
static void spoil(struct path *path, bool (*holds)(void *, const struct path *), void *ctx)
{
	struct path good = *path;

	ck_assert(holds(ctx, path));
	for (unsigned i = 0; i < 256 * path->count; i += 1 + i % 7) {
		path->hash[i / 256][i / 8 % 32] ^= (uint8_t)(1 << i % 8);
		ck_assert(!holds(ctx, path));
		*path = good;
	}
	for (unsigned i = 0; i + 1 < path->count; i++) {
		memcpy(path->hash[i], good.hash[i + 1], CHAIN_HASH);
		memcpy(path->hash[i + 1], good.hash[i], CHAIN_HASH);
		ck_assert(!holds(ctx, path));
		*path = good;
	}
	for (unsigned count = 0; count <= PROOF_HASHES + 1; count++) {
		path->count = count;
		if (count > good.count && count <= PROOF_HASHES)
			memcpy(path->hash[count - 1], leaf[0], CHAIN_HASH);
		ck_assert(holds(ctx, path) == (count == good.count));
	}
	*path = good;
}

struct claim {
	uint64_t a, size;
	uint8_t first[CHAIN_HASH], root[CHAIN_HASH];
};

static bool inclusion_holds(void *ctx, const struct path *path)
{
	const struct claim *c = ctx;

	return check_inclusion(c->a, c->size, c->first, path, c->root) == 0;
}

static bool growth_holds(void *ctx, const struct path *path)
{
	const struct claim *c = ctx;

	return check_growth(c->a, c->first, c->size, c->root, path) == 0;
}

static void spoil_claim(struct claim *c, const struct path *path,
			bool (*holds)(void *, const struct path *))
{
	struct claim good = *c;

	for (int i = 0; i < 512; i += 1 + i % 5) {
		(i < 256 ? c->first : c->root)[i / 8 % 32] ^= (uint8_t)(1 << i % 8);
		ck_assert(!holds(c, path));
		*c = good;
	}
	/* Whatever else the numbers are. A path alone does not always tell two sizes apart, so what
	 * must not pass is another index, or a size that this path does not fit. */
	for (uint64_t a = 0; a < 2ull * LEAVES; a++) {
		c->a = a;
		ck_assert(a == good.a || !holds(c, path));
	}
	for (int bit = 8; bit < 64; bit++) {
		*c = good;
		c->a |= 1ull << bit;
		ck_assert(!holds(c, path));
		*c = good;
		c->size |= 1ull << bit;
		ck_assert(!holds(c, path));
	}
	*c = good;
	c->size = 0;
	ck_assert(!holds(c, path));
	*c = good;
}

START_TEST(no_other_inclusion)
{
	for (uint64_t n = 1; n <= 40; n += 1 + n % 3) {
		for (uint64_t i = 0; i < n; i += 1 + i % 4) {
			struct claim c = { i, n };
			struct path path;

			memcpy(c.first, leaf[i], CHAIN_HASH);
			mth(0, n, c.root);
			include(i, n, &path);
			spoil(&path, inclusion_holds, &c);
			spoil_claim(&c, &path, inclusion_holds);
		}
	}
}
END_TEST

START_TEST(no_other_growth)
{
	for (uint64_t n = 2; n <= 40; n += 1 + n % 3) {
		for (uint64_t m = 1; m <= n; m += 1 + m % 4) {
			struct claim c = { m, n };
			struct path path;

			mth(0, m, c.first);
			mth(0, n, c.root);
			grow(m, n, &path);
			spoil(&path, growth_holds, &c);
			spoil_claim(&c, &path, growth_holds);
		}
	}
}
END_TEST

/* A node of the tree is no leaf of it, and a leaf no root of a tree of one more. */
START_TEST(no_other_level)
{
	uint8_t root[CHAIN_HASH], node[CHAIN_HASH];
	struct path path;

	mth(0, 8, root);
	mth(0, 2, node);
	include(0, 8, &path);
	memmove(path.hash[0], path.hash[1], 2 * sizeof(path.hash[0]));
	path.count = 2;
	ck_assert_int_eq(check_inclusion(0, 8, node, &path, root), -EBADMSG);
	ck_assert_int_eq(check_inclusion(0, 4, node, &path, root), 0); /* of another tree, it is */
}
END_TEST

START_TEST(bounds)
{
	struct span spans[PROOF_HASHES];
	struct path path = { 0 };
	uint8_t empty[CHAIN_HASH], root[CHAIN_HASH];

	ck_assert_int_eq(inclusion_spans(0, 0, spans), -EINVAL);
	ck_assert_int_eq(inclusion_spans(7, 7, spans), -EINVAL);
	ck_assert_int_eq(inclusion_spans(0, PROOF_SIZE_MAX, spans), 62);
	ck_assert_int_eq(inclusion_spans(PROOF_SIZE_MAX - 1, PROOF_SIZE_MAX, spans), 62);
	ck_assert_int_eq(inclusion_spans(0, PROOF_SIZE_MAX + 1, spans), -EINVAL);
	ck_assert_int_eq(inclusion_spans(0, UINT64_MAX, spans), -EINVAL);
	ck_assert_int_eq(growth_spans(3, 2, spans), -EINVAL);
	ck_assert_int_eq(growth_spans(1, UINT64_MAX, spans), -EINVAL);
	ck_assert_int_eq(growth_spans(0, 9, spans), 0);
	ck_assert_int_eq(growth_spans(9, 9, spans), 0);
	ck_assert_int_eq(growth_spans(PROOF_SIZE_MAX / 2 - 1, PROOF_SIZE_MAX, spans), 63);
	ck_assert_int_eq(growth_spans(PROOF_SIZE_MAX - 1, PROOF_SIZE_MAX, spans), 63);

	/* the left edge of the largest tree there may be, and of one more leaf */
	memcpy(root, leaf[0], CHAIN_HASH);
	for (path.count = 0; path.count < PROOF_HASHES; path.count++) {
		if (path.count == 62)
			ck_assert_int_eq(check_inclusion(0, PROOF_SIZE_MAX, leaf[0], &path, root),
					 0);
		if (path.count == 62)
			ck_assert_int_eq(check_growth(1, leaf[0], PROOF_SIZE_MAX, root, &path), 0);
		node_hash(root, path.hash[path.count], root);
	}
	ck_assert_int_eq(check_growth(1, leaf[0], PROOF_SIZE_MAX + 1, root, &path), -EBADMSG);
	ck_assert_int_eq(check_inclusion(0, PROOF_SIZE_MAX + 1, leaf[0], &path, root), -EBADMSG);
	path.count = 0;

	crypto_hash_sha256(empty, NULL, 0);
	ck_assert_int_eq(check_growth(0, empty, 9, leaf[3], &path), 0);
	ck_assert_int_eq(check_growth(0, leaf[0], 9, leaf[3], &path), -EBADMSG);
	ck_assert_int_eq(check_growth(0, empty, 0, empty, &path), 0);
	path.count = 1;
	ck_assert_int_eq(check_growth(0, empty, 9, leaf[3], &path), -EBADMSG);
	ck_assert_int_eq(check_growth(0, empty, 0, empty, &path), -EBADMSG);
}
END_TEST

/* The eight leaves of the Certificate Transparency reference tests, and proofs from there. */
static void reference_leaves(void)
{
	static const char *const data[] = { "",
					    "00",
					    "10",
					    "2021",
					    "3031",
					    "40414243",
					    "5051525354555657",
					    "606162636465666768696a6b6c6d6e6f" };

	for (int i = 0; i < 8; i++) {
		uint8_t bytes[17] = { 0 };
		size_t len;

		sodium_hex2bin(bytes + 1, 16, data[i], strlen(data[i]), NULL, &len, NULL);
		crypto_hash_sha256(leaf[i], bytes, 1 + len);
	}
}

static void assert_hashes(const struct path *path, const char *const *want)
{
	for (unsigned i = 0; i < path->count; i++) {
		char hex[65];

		sodium_bin2hex(hex, sizeof(hex), path->hash[i], CHAIN_HASH);
		ck_assert_ptr_nonnull(want[i]);
		ck_assert_str_eq(hex, want[i]);
	}
	ck_assert_ptr_null(want[path->count]);
}

START_TEST(known_answers)
{
	struct path path;

	reference_leaves();
	include(0, 8, &path);
	assert_hashes(&path,
		      (const char *[]){
			      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
			      NULL });
	include(5, 8, &path);
	assert_hashes(&path,
		      (const char *[]){
			      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
			      NULL });
	include(2, 3, &path);
	assert_hashes(&path,
		      (const char *[]){ "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98"
					"662f00e3c125",
					NULL });
	grow(6, 8, &path);
	assert_hashes(&path,
		      (const char *[]){
			      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
			      NULL });
	grow(2, 5, &path);
	assert_hashes(&path,
		      (const char *[]){
			      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			      NULL });
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_path");
	TCase *tcase = tcase_create("path");

	if (sodium_init() < 0)
		return 1;
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, as_defined);
	tcase_add_test(tcase, no_other_inclusion);
	tcase_add_test(tcase, no_other_growth);
	tcase_add_test(tcase, no_other_level);
	tcase_add_test(tcase, bounds);
	tcase_add_test(tcase, known_answers);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
