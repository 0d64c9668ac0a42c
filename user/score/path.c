// SPDX-License-Identifier: Apache-2.0
#include "score/severity.h"
#include "score/token.h"

#include <errno.h>
#include <fcntl.h>

#define CLASS_COMPONENTS 3
#define COMPONENT_TEXT	 18

bool path_has_prefix(struct bytes path, const char *prefix)
{
	size_t len = strlen(prefix);

	return path.len >= len && memcmp(path.data, prefix, len) == 0;
}

static const char *writable_directory(struct bytes path)
{
	static const char *const all[] = { "/tmp/", "/var/tmp/", "/dev/shm/" };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (path_has_prefix(path, all[i]))
			return all[i];
	return NULL;
}

bool path_is_writable(struct bytes path)
{
	return writable_directory(path) != NULL;
}

void label_add_program(struct label *label, struct bytes program, size_t max)
{
	const char *writable = writable_directory(program);

	if (!writable) {
		label_add_bytes(label, program, max);
		return;
	}
	label_add(label, writable);
	label_add(label, "**/");
	label_add_bytes(label, path_base(program), max - 13);
}

unsigned fact_access(const struct record *record)
{
	switch (record->open_flags & O_ACCMODE) {
	case O_RDONLY:
		/* creating or cutting writes, whatever is done with the descriptor */
		return record->open_flags & (O_CREAT | O_TRUNC) ? ACCESS_READ | ACCESS_WRITE
								: ACCESS_READ;
	case O_WRONLY:
		return ACCESS_WRITE;
	default:
		return ACCESS_READ | ACCESS_WRITE;
	}
}

static bool is_number(struct bytes word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
	return word.len > 0;
}

/* Where people and programs make up names as they go, the last one says nothing. */
static struct bytes without_free_name(struct bytes path)
{
	if (!path_has_prefix(path, "/home/") && !path_has_prefix(path, "/root/"))
		return path;
	return bytes_of(path.data, path.len - path_base(path).len);
}

void label_add_class(struct label *label, const struct record *record, struct bytes path)
{
	const char *writable = writable_directory(path);
	size_t at = 0;

	if (writable) {
		label_add(label, writable);
		label_add(label, "**");
		return;
	}
	path = without_free_name(path);
	if (!path.len || path.data[0] != '/')
		label_add(label, "(relative)");
	for (int n = 0; n < CLASS_COMPONENTS; n++) {
		struct bytes word;
		size_t end;

		while (at < path.len && path.data[at] == '/')
			at++;
		if (at == path.len)
			return;
		for (end = at; end < path.len && path.data[end] != '/';)
			end++;
		word = bytes_of(path.data + at, end - at);
		label_add(label, "/");
		if (is_number(word))
			label_add(label, "#");
		else if (n == 1 && path_has_prefix(path, "/home/") &&
			 bytes_equal(word, record->user))
			label_add(label, "~");
		else
			label_add_bytes(label, word, COMPONENT_TEXT);
		at = end;
	}
}

bool token_path(const struct record *record, uint64_t time, struct label *ret)
{
	struct bytes path = fact_path(record);
	const char *sensitive = sensitive_path(path);
	unsigned access = fact_access(record);

	(void)time;
	if (record->result == -ENOENT || record->result == -ENOTDIR)
		return false; /* searched for, not there: libraries do it all day */
	if (sensitive)
		label_add(ret, sensitive);
	else
		label_add_class(ret, record, path);
	label_add(ret, access == ACCESS_READ ? " read" : " write");
	label_add_doubts(ret, record);
	return true;
}
