// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cmd/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

/* Who may write it decides what is seen. */
static int check_owner(const char *path, char *err, size_t err_size)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	snprintf(err, err_size, "%s can be written by others: chown root, chmod go-w", path);
	return -EPERM;
}

static int read_text(const char *path, struct buffer *ret, char *err, size_t err_size)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int e;

	e = read_file(AT_FDCWD, path, POLICY_TEXT_MAX, &data, &len);
	if (!e)
		e = check_owner(path, err, err_size);
	else
		snprintf(err, err_size, "%s: %s", path,
			 e == -EFBIG	? "larger than a policy can be"
			 : e == -EINVAL ? "no regular file"
					: strerror(-e));
	if (!e)
		buffer_add(ret, data, len);
	free(data);
	return e;
}

int rules_read(struct policy **ret, const char *path, bool all_opens, char *err, size_t err_size)
{
	struct bytes standard = policy_default();
	struct buffer text = { 0 };
	char why[256];
	int e = 0;

	if (!path && access(RULES_FILE, F_OK) == 0)
		path = RULES_FILE;
	if (path)
		e = read_text(path, &text, err, err_size);
	else
		buffer_add(&text, standard.data, standard.len);
	if (!e && all_opens)
		buffer_text(&text, "\nopens all # as the command line says\n");
	if (!e && text.failed) {
		e = -ENOMEM;
		snprintf(err, err_size, "out of memory");
	}
	if (!e) {
		e = policy_parse(ret, bytes_of(text.data, text.len), why, sizeof(why));
		if (e)
			snprintf(err, err_size, "%s: %s", path ? path : "default policy", why);
	}
	buffer_free(&text);
	return e;
}
