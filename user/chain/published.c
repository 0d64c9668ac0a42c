// SPDX-License-Identifier: Apache-2.0
#include "chain/published.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/files.h"
#include "chain/text.h"

int read_log_name(const char *dir, struct log_name *ret, struct chain_error *err)
{
	struct seals_header header;
	const char *why;
	uint64_t size;
	int fd, code, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return chain_fail(err, -errno, "cannot open %s: %s", dir, strerror(errno));
	fd = open_regular(dirfd, FILE_SEALS, O_RDONLY, &size);
	close(dirfd);
	if (fd == -ENOENT)
		return chain_fail(err, fd, "there is no chain in %s", dir);
	if (fd < 0)
		return chain_fail(err, fd, "cannot open %s/%s: %s", dir, FILE_SEALS, strerror(-fd));
	code = seals_read_header(fd, &header, &why);
	close(fd);
	if (code)
		return chain_fail(err, code, "%s/%s: %s", dir, FILE_SEALS, why);
	log_name_derive(&header, ret);
	return 0;
}

int read_note(const char *path, struct note *ret, uint8_t **ret_text, struct chain_error *err)
{
	const char *why = "";
	unsigned line;
	uint8_t *text;
	size_t len;
	int code = read_file(AT_FDCWD, path, NOTE_MAX, &text, &len);

	if (code == -EFBIG || code == -EINVAL)
		return chain_fail(err, -EINVAL, "%s is no signed note", path);
	if (code)
		return chain_fail(err, code, "%s: %s", path, strerror(-code));
	if (note_parse(bytes_of(text, len), ret, &line, &why) < 0) {
		free(text);
		return chain_fail(err, -EINVAL, "%s: line %u: %s", path, line, why);
	}
	*ret_text = text;
	return 0;
}

static int origin_len(const struct note *note)
{
	return note->origin.len < ORIGIN_MAX ? (int)note->origin.len : ORIGIN_MAX;
}

int read_checkpoint(const char *dir, const char *path, const struct log_name *log, struct note *ret,
		    uint8_t **ret_text, struct chain_error *err)
{
	struct note note = { 0 };
	uint8_t *text = NULL;
	char own[4096];
	int code;

	snprintf(own, sizeof(own), "%s/%s", dir, FILE_CHECKPOINT);
	code = read_note(path ? path : own, &note, &text, err);
	if (code)
		return code == -EINVAL && !path ? -EBADMSG : code;
	if (!note_is_of(&note, log))
		code = chain_fail(err, -EXDEV, "%s is of %.*s, the chain in %s is %s",
				  path ? path : own, origin_len(&note),
				  (const char *)note.origin.data, dir, log->origin);
	else if (note_signer(&note, log) != NOTE_SIGNED)
		code = chain_fail(err, -EBADMSG, "%s is not signed by the key of %s",
				  path ? path : own, log->origin);
	if (code) {
		free(text);
		return code;
	}
	*ret = note;
	*ret_text = text;
	return 0;
}
