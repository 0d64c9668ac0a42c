// SPDX-License-Identifier: Apache-2.0
/* An event file of any content: whole events until the end, or until the first that is none. */
#define _GNU_SOURCE
#include "capture/event_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/event_check.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct event *e;
	struct source *source = NULL;
	size_t read = 8;
	char path[32];
	int fd = memfd_create("events", MFD_CLOEXEC), err;

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = event_file_open(&source, path);
	close(fd);
	if (err) {
		CHECK(err == -EBADMSG && !source);
		return 0;
	}
	while ((e = source_next(source))) {
		CHECK(source_wait(source, 0) == 1 || source_wait(source, 0) == -ENODATA);
		CHECK(event_is_whole(e, e->size));
		CHECK(memcmp(data + read, e, e->size) == 0);
		read += (e->size + 7) & ~(size_t)7;
		CHECK(read <= size);
	}
	CHECK(source_wait(source, 0) == -ENODATA);
	CHECK(event_file_damage(source) == (read == size ? 0 : read));
	source_close(source);
	return 0;
}
