/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_TELL_H
#define TESTS_CHAIN_TELL_H
/* A report in one line, so that all of it can be compared; rows of damages and what is told of
 * them. */
#include "chain_thief.h"

/* verdict why file+offset [from,to) | entries good sealed/seals unsealed unwitnessed | recoveries
 * adopted dead torn | pruned stray | torn-seal live closed pinned */
static UNUSED const char *tell(const struct chain_report *r)
{
	static char text[1024];
	typedef unsigned long long ull;

	snprintf(
		text, sizeof(text),
		"%s %s %s+%llu [%llu,%llu) | %llu %llu %llu/%llu %llu %llu | %llu %llu %llu %llu | "
		"%llu %llu |%s%s%s%s",
		chain_verdict_name(r->verdict), r->why, r->file, (ull)r->offset, (ull)r->from,
		(ull)r->to, (ull)r->entries, (ull)r->last_good, (ull)r->sealed, (ull)r->seals,
		(ull)r->unsealed, (ull)r->unwitnessed, (ull)r->recoveries, (ull)r->adopted,
		(ull)r->dead_bytes, (ull)r->torn_bytes, (ull)r->pruned, (ull)r->stray,
		r->torn_seal ? " torn-seal" : "", r->live ? " live" : "",
		r->closed ? " closed" : "", r->pinned ? " pinned" : "");
	return text;
}

enum change {
	NOTHING,
	FLIP,	 /* a byte is xored with what `text` begins with */
	FIX,	 /* the same, and the checksum over it made right */
	CUT,	 /* the file ends before the byte */
	ADD,	 /* text is appended */
	PUT,	 /* the file holds text and nothing else */
	DROP,	 /* it is gone */
	NAME,	 /* it has the name `text` */
	COPY,	 /* it is there a second time, as `text` */
	SYMLINK, /* it has the name `text`, and a symbolic link its own */
	FIFO,	 /* a pipe is in its place */
	SOCKET,
	FOLDER,	 /* or a directory */
	EARLIER, /* seal number `block` is written over the one behind it */
};

struct row {
	enum change change;
	const char *file;
	int block; /* the byte is counted from the n-th one, 0: from the file's beginning */
	long at;   /* negative: from the end */
	const char *text;
	const char *told;
};

static UNUSED void fix_crc(const char *file, uint8_t *data, size_t header, size_t block)
{
	if (is_segment(file) && block < header)
		fix_segment_crc(data, header);
	else if (is_segment(file))
		fix_block_crc(data + block);
	else if (block < 160)
		fix_seals_header_crc(data);
	else
		fix_seal_crc(data + block);
}

static UNUSED void change_bytes(const struct row *row)
{
	struct file f = { .len = 0 };
	size_t block = 0, at, header = 0;
	struct part parts[16] = { 0 };

	f.data = slurp(row->file, &f.len);
	if (is_segment(row->file)) {
		header = header_len(&f);
		if (row->block) {
			size_t end = f.len;

			f.len = counted_end(image_file(&base.image, row->file));
			find_blocks(&f, parts, 16);
			f.len = end;
			block = parts[row->block - 1].at;
		}
	} else {
		block = 160 * (size_t)row->block;
	}
	at = row->at < 0 ? (size_t)((long)f.len + row->at) : block + (size_t)row->at;
	ck_assert_uint_lt(at, f.len);
	if (row->change == CUT) {
		f.len = at;
	} else {
		f.data[at] ^= (uint8_t)row->text[0];
		if (row->change == FIX)
			fix_crc(row->file, f.data, header, block);
	}
	spew(row->file, f.data, f.len);
	free(f.data);
}

static UNUSED void make_change(const struct row *row)
{
	const char *path = file_path(row->file);
	uint8_t *data;
	size_t len;
	int fd;

	switch (row->change) {
	case NOTHING:
		break;
	case FLIP:
	case FIX:
	case CUT:
		change_bytes(row);
		break;
	case ADD:
		fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		ck_assert_int_eq(write(fd, row->text, strlen(row->text)),
				 (ssize_t)strlen(row->text));
		close(fd);
		break;
	case PUT:
		spew(row->file, row->text, strlen(row->text));
		break;
	case NAME:
	case SYMLINK:
		ck_assert_int_eq(rename(path, file_path(row->text)), 0);
		if (row->change == SYMLINK)
			ck_assert_int_eq(symlink(row->text, path), 0);
		break;
	case COPY:
		data = slurp(row->file, &len);
		spew(row->text, data, len);
		free(data);
		break;
	case EARLIER:
		data = slurp(row->file, &len);
		memcpy(data + 160 * (row->block + 1), data + 160 * row->block, 160);
		spew(row->file, data, len);
		free(data);
		break;
	default:
		ck_assert_int_eq(unlink(path), 0);
		if (row->change == SOCKET)
			ck_assert_int_eq(mknod(path, S_IFSOCK | 0600, 0), 0);
		if (row->change == FIFO)
			ck_assert_int_eq(mkfifo(path, 0600), 0);
		if (row->change == FOLDER)
			ck_assert_int_eq(mkdir(path, 0700), 0);
	}
}

static UNUSED int differences;

static UNUSED void expect(const char *what, size_t number, const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return;
	differences++;
	printf("%s %zu:\n  \"%s\"\nnot\n  \"%s\"\n", what, number, got, want);
	fflush(stdout);
}

static UNUSED void tell_all(const char *what, const struct row *rows, size_t count)
{
	differences = 0;
	for (size_t i = 0; i < count; i++) {
		struct chain_report report;

		restore_base();
		make_change(&rows[i]);
		report = judge(NULL);
		expect(what, i, tell(&report), rows[i].told);
	}
	ck_assert_int_eq(differences, 0);
}

#define TELL_ALL(what, rows) tell_all(what, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
