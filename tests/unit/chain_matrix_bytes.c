// SPDX-License-Identifier: Apache-2.0
/* The matrix, bytes: every bit, every byte with its checksum made right, every cut, bytes after. */
#include "chain_matrix.h"

/* --- bits ------------------------------------------------------------------------------------ */

static bool is_version(const char *name, size_t at, uint8_t now)
{
	if (now < '0' || now > '9')
		return false;
	return is_segment(name) ? at == 6 || at == 7 : strcmp(name, "seals") == 0 && at == 7;
}

static struct want want_changed(const struct file *f, size_t at, uint8_t now)
{
	if (is_version(f->name, at, now))
		return WANT_UNVERIFIABLE;
	/* The last seal looks torn. Its magic is no part of a tear. */
	if (strcmp(f->name, "seals") == 0 && at >= f->len - 160 + 4)
		return want_seals_cut(base.report.seals - 1);
	return want_beyond(f->name, at);
}

/* With the held checkpoint one bit of each byte will do, where it changes nothing. */
static void judge_bit(const struct file *f, size_t bit, struct want want)
{
	if (want.plain != want.held || bit % 8 == bit / 8 % 8)
		cell("bit", f->name, bit, want);
	else
		judge_cell_by("bit", f->name, bit, (struct chain_verify_options){ 0 }, want.plain);
}

START_TEST(every_bit)
{
	size_t n = 0;

	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];

		for (size_t bit = 0; bit < 8 * f->len; bit++) {
			if (n++ % MATRIX_STRIDE)
				continue;
			f->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			put_back(f);
			judge_bit(f, bit, want_changed(f, bit / 8, f->data[bit / 8]));
			f->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		put_back(f);
	}
	end_matrix();
}
END_TEST

/* --- bytes, and the checksums that make them look written ------------------------------------- */

/* The block that holds this byte; 0 if none does. */
static uint8_t *block_at(uint8_t *data, size_t header, size_t end, size_t at)
{
	for (size_t b = header; b < end;) {
		size_t len = 24 + get_u32(data + b + 16);

		if (at < b + len)
			return data + b;
		b += len;
	}
	return NULL;
}

/* False if there is none to make right, or nothing is left changed. */
static bool fix_crcs(const struct file *f, uint8_t *data, size_t at)
{
	uint8_t *block;

	if (strcmp(f->name, "seals") == 0 && at < 160) {
		fix_seals_header_crc(data);
	} else if (strcmp(f->name, "seals") == 0) {
		fix_seal_crc(data + at / 160 * 160);
	} else if (is_segment(f->name) && at < header_len(f)) {
		fix_segment_crc(data, header_len(f));
	} else if (is_segment(f->name)) {
		block = block_at(f->data, header_len(f),
				 strcmp(f->name, base.last) == 0 ? base.valid_end : base.dead_at,
				 at);
		if (strcmp(f->name, base.last) != 0 && strcmp(f->name, base.dead) != 0)
			block = block_at(f->data, header_len(f), f->len, at);
		if (!block)
			return false;
		block = data + (block - f->data);
		if (get_u32(block + 16) > (size_t)(data + f->len - block) - 24)
			return true;
		fix_block_crc(block);
	} else {
		return false;
	}
	return memcmp(data, f->data, f->len) != 0;
}

/* Unsealed entries are anybody's, but still have to be entries. */
static struct want want_type(uint8_t type)
{
	if (type >= CHAIN_RECORD_TYPE)
		return WANT_TORN;
	return type < 5 ? WANT_TAMPER : WANT_UNVERIFIABLE;
}

static bool is_type(const struct file *f, size_t at)
{
	const uint8_t *block = block_at(f->data, header_len(f), base.valid_end, at);
	size_t entry = block ? (size_t)(block - f->data) + 26 : 0;

	while (block && entry < at)
		entry += 2 + ((size_t)f->data[entry - 2] << 8 | f->data[entry - 1]);
	return entry == at;
}

static struct want want_with_crc(const struct file *f, size_t at, uint8_t now)
{
	if (is_version(f->name, at, now))
		return WANT_UNVERIFIABLE;
	if (is_segment(f->name) && is_unsealed(f->name, at) && base.kind == BASE_CRASHED)
		return is_type(f, at) ? want_type(now) : WANT_TORN;
	return strcmp(f->name, "seals") == 0 ? WANT_TAMPER : want_beyond(f->name, at);
}

START_TEST(every_byte_with_crc)
{
	static const uint8_t changes[] = { 0x01, 0x94 };
	size_t n = 0;

	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];
		uint8_t *data = malloc(f->len);

		for (size_t at = 0; at < f->len; at++) {
			for (size_t c = 0; c < sizeof(changes); c++) {
				memcpy(data, f->data, f->len);
				data[at] ^= changes[c];
				if (n++ % MATRIX_STRIDE || !fix_crcs(f, data, at))
					continue;
				spew(f->name, data, f->len);
				cell("byte with crc", f->name, at, want_with_crc(f, at, data[at]));
			}
		}
		put_back(f);
		free(data);
	}
	end_matrix();
}
END_TEST

/* --- lengths --------------------------------------------------------------------------------- */

static struct want want_cut(const struct file *f, size_t len)
{
	if (strcmp(f->name, "seals") == 0)
		return len < 160 ? WANT_TAMPER : want_seals_cut(len / 160 - 1);
	return want_beyond(f->name, len);
}

START_TEST(every_cut)
{
	size_t n = 0;

	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];

		for (size_t len = 0; len < f->len; len++) {
			if (n++ % MATRIX_STRIDE)
				continue;
			spew(f->name, f->data, len);
			cell("cut", f->name, len, want_cut(f, len));
		}
		put_back(f);
	}
	end_matrix();
}
END_TEST

static struct want want_after(const struct file *f, size_t more)
{
	/* A torn seal behind the last one is what a crash leaves, but one alone. */
	if (strcmp(f->name, "seals") == 0)
		return more <= 160 ? WANT_TORN : WANT_TAMPER;
	return want_beyond(f->name, f->len);
}

/* Also after CLOSE: nothing may follow it. */
START_TEST(bytes_after)
{
	static const uint8_t fill[] = { 0x5a, 0x00, 0xff };

	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];
		uint8_t *data = malloc(2 * f->len + 400);

		memcpy(data, f->data, f->len);
		for (size_t more = 1; more <= 400; more += more < 30 ? 1 : 13) {
			memset(data + f->len, fill[more % sizeof(fill)], more);
			spew(f->name, data, f->len + more);
			cell("bytes after", f->name, more, want_after(f, more));
		}
		memset(data + f->len, 0x5a, 320);
		spew(f->name, data, f->len + 160);
		cell("bytes after", f->name, 160, want_after(f, 160));
		spew(f->name, data, f->len + 161);
		cell("bytes after", f->name, 161, want_after(f, 161));
		spew(f->name, data, f->len + 320);
		cell("bytes after", f->name, 320, want_after(f, 320));
		memcpy(data + f->len, f->data, f->len);
		spew(f->name, data, 2 * f->len);
		cell("twice", f->name, 0, want_after(f, f->len));
		free(data);
		put_back(f);
	}
	end_matrix();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_matrix_bytes");
	TCase *tcase = tcase_create("bytes");

	tcase_add_checked_fixture(tcase, NULL, drop_base);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, every_bit, 0, BASES);
	tcase_add_loop_test(tcase, every_byte_with_crc, 0, BASES);
	tcase_add_loop_test(tcase, every_cut, 0, BASES);
	tcase_add_loop_test(tcase, bytes_after, 0, BASES);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
