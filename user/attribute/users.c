// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "attribute/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"

#define PASSWD_MAX (16u << 20)
#define USERS_MAX  65536 /* lines; more are not named */

struct user {
	uint32_t uid, line;
	struct text *name; /* NULL: had one when it was used, but no longer */
	bool can_log_in;
	bool used;  /* stands in some record */
	bool bound; /* and the chain says what it means */
};

struct users {
	char *path;
	struct stat seen;
	struct user *list; /* by uid; of two lines with one uid the first counts, as in getpwuid */
	size_t count;
	size_t unbound; /* used but not bound */
	unsigned int generation;
};

static int compare_uid(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static int compare_uid_and_line(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	int order = compare_uid(a, b);

	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static struct user *find_in(struct user *list, size_t count, uint32_t uid)
{
	struct user key = { .uid = uid };

	return count ? bsearch(&key, list, count, sizeof(key), compare_uid) : NULL;
}

static struct user *find(const struct users *u, uint32_t uid)
{
	return find_in(u->list, u->count, uid);
}

static bool is_no_shell(struct bytes shell)
{
	static const char *const ends[] = { "/nologin", "/false", "/sync" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (shell.len >= n && !memcmp(shell.data + shell.len - n, ends[i], n))
			return true;
	}
	return false;
}

/* name:password:uid:gid:comment:home:shell; false for a line that is none. Blanks in front,
 * comments and NIS lines as nss_files has them. */
static bool parse_line(struct bytes line, struct user *ret)
{
	struct bytes field[7] = { { 0 } };
	size_t n = 0, from = 0;
	uint64_t uid = 0;

	while (from < line.len && (line.data[from] == ' ' || line.data[from] == '\t'))
		from++;
	if (from == line.len || strchr("#+-", line.data[from]))
		return false;
	for (size_t i = from; i <= line.len && n < 7; i++) {
		if (i < line.len && line.data[i] != ':')
			continue;
		field[n++] = bytes_of(line.data + from, i - from);
		from = i + 1;
	}
	if (n < 7 || field[0].len == 0 || field[2].len == 0 || field[2].len > 10)
		return false;
	for (size_t i = 0; i < field[2].len; i++) {
		if (field[2].data[i] < '0' || field[2].data[i] > '9')
			return false;
		uid = uid * 10 + field[2].data[i] - '0';
	}
	if (uid >= UINT32_MAX)
		return false;
	*ret = (struct user){ .uid = (uint32_t)uid, .can_log_in = !is_no_shell(field[6]) };
	ret->name = text_make(field[0]);
	return ret->name != NULL;
}

/* Sort, and keep the first line of each uid; the new count. */
static size_t sort_unique(struct user *list, size_t count)
{
	size_t kept = 0;

	qsort(list, count, sizeof(*list), compare_uid_and_line);
	for (size_t i = 0; i < count; i++) {
		if (kept && list[kept - 1].uid == list[i].uid)
			text_drop(list[i].name);
		else
			list[kept++] = list[i];
	}
	return kept;
}

static void parse(struct bytes text, struct user **ret, size_t *ret_count)
{
	struct user *list = NULL, one;
	size_t count = 0, room = 0, from = 0;

	for (size_t i = 0; i <= text.len && count < USERS_MAX; i++) {
		struct bytes line;

		if (i < text.len && text.data[i] != '\n')
			continue;
		line = bytes_of(text.data + from, i - from);
		from = i + 1;
		if (!parse_line(line, &one))
			continue;
		if (count == room) {
			struct user *grown;

			room = room ? 2 * room : 64;
			grown = realloc(list, room * sizeof(*list));
			if (!grown) {
				text_drop(one.name);
				break;
			}
			list = grown;
		}
		one.line = (uint32_t)count;
		list[count++] = one;
	}
	*ret = list;
	*ret_count = count ? sort_unique(list, count) : 0;
}

static void free_list(struct user *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_drop(list[i].name);
	free(list);
}

/* Whoever was used and is gone stays in the list until the chain says that it has no name. */
static void keep_removed(const struct users *u, struct user **list, size_t *count)
{
	size_t listed = *count, kept = *count;

	for (size_t i = 0; i < u->count; i++) {
		const struct user *before = &u->list[i];
		struct user *grown;

		if (!before->used || (before->bound && !before->name) ||
		    find_in(*list, listed, before->uid))
			continue;
		grown = realloc(*list, (kept + 1) * sizeof(*grown));
		if (!grown)
			break;
		grown[kept++] = (struct user){ .uid = before->uid };
		*list = grown;
	}
	*count = kept > listed ? sort_unique(*list, kept) : kept;
}

/* Who was used keeps that; who has another name now must be bound again. */
static void carry_over(struct users *u, struct user *list, size_t count)
{
	u->unbound = 0;
	for (size_t i = 0; i < count; i++) {
		const struct user *before = find(u, list[i].uid);

		if (!before || !before->used)
			continue;
		list[i].used = true;
		list[i].bound = before->bound &&
				bytes_equal(text_bytes(before->name), text_bytes(list[i].name));
		u->unbound += !list[i].bound;
	}
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The time of the last change to the inode cannot be set back. */
static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       is_same_time(a->st_mtim, b->st_mtim) && is_same_time(a->st_ctim, b->st_ctim);
}

int users_refresh(struct users *u)
{
	struct user *list;
	struct stat st;
	size_t count, len;
	uint8_t *data;
	int err;

	if (stat(u->path, &st) < 0)
		return -errno;
	if (is_unchanged(&st, &u->seen))
		return 0;
	err = read_file(AT_FDCWD, u->path, PASSWD_MAX, &data, &len);
	if (err)
		return err;
	parse(bytes_of(data, len), &list, &count);
	free(data);
	keep_removed(u, &list, &count);
	carry_over(u, list, count);
	free_list(u->list, u->count);
	u->list = list;
	u->count = count;
	u->seen = st;
	u->generation++;
	return 0;
}

int users_open(struct users **ret, const char *path)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->path = strdup(path);
	if (!u->path) {
		free(u);
		return -ENOMEM;
	}
	users_refresh(u);
	*ret = u;
	return 0;
}

void users_close(struct users *u)
{
	if (!u)
		return;
	free_list(u->list, u->count);
	free(u->path);
	free(u);
}

struct text *users_name(struct users *u, uint32_t uid)
{
	struct user *user = find(u, uid);

	if (!user)
		return NULL;
	if (!user->used) {
		user->used = true;
		u->unbound++;
	}
	return user->name;
}

unsigned int users_generation(const struct users *u)
{
	return u->generation;
}

bool users_can_log_in(const struct users *u, uint32_t uid)
{
	const struct user *user = find(u, uid);

	return user && user->can_log_in;
}

bool users_next_binding(struct users *u, uint32_t *ret_uid, struct bytes *ret_name)
{
	for (size_t i = 0; u->unbound && i < u->count; i++) {
		struct user *user = &u->list[i];

		if (!user->used || user->bound)
			continue;
		user->bound = true;
		u->unbound--;
		*ret_uid = user->uid;
		*ret_name = text_bytes(user->name);
		return true;
	}
	return false;
}
