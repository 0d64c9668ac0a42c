// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "capture/event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/event_check.h"

static const uint8_t magic[8] = { 'I', 'N', 'D', 'E', 'V', 'T', EVENT_VERSION, 0 };

struct event_reader {
	struct source source;
	const uint8_t *data;
	size_t size, at;
	uint64_t damage;
};

static bool is_zero(const uint8_t *p, size_t len)
{
	while (len && !*p) {
		p++;
		len--;
	}
	return len == 0;
}

static const struct event *file_next(struct source *source)
{
	struct event_reader *f = (struct event_reader *)source;
	const struct event *e = (const void *)(f->data + f->at);
	size_t left = f->size - f->at, padded;

	if (left == 0 || f->damage)
		return NULL;
	if (left < sizeof(*e) || e->size > left || !event_is_whole(e, e->size)) {
		f->damage = f->at;
		return NULL;
	}
	padded = ((size_t)e->size + 7) & ~(size_t)7;
	if (padded > left || !is_zero((const uint8_t *)e + e->size, padded - e->size)) {
		f->damage = f->at;
		return NULL;
	}
	f->at += padded;
	return e;
}

static int file_wait(struct source *source, int timeout_ms)
{
	struct event_reader *f = (struct event_reader *)source;

	(void)timeout_ms;
	return f->at == f->size || f->damage ? -ENODATA : 1;
}

static const struct event_counters *file_counters(struct source *source, uint32_t cpu)
{
	static const struct event_counters none;

	(void)source;
	(void)cpu;
	return &none;
}

static void file_mark(struct source *source)
{
	(void)source;
}

static bool file_drained(struct source *source)
{
	(void)source;
	return true;
}

static uint64_t file_misses(struct source *source)
{
	(void)source;
	return 0;
}

static void file_fill(struct source *source, uint64_t ret[RINGS])
{
	(void)source;
	memset(ret, 0, RINGS * sizeof(*ret));
}

static int file_start(struct source *source, char *err, size_t err_size)
{
	(void)source;
	(void)err;
	(void)err_size;
	return 0;
}

static int file_stop(struct source *source)
{
	(void)source;
	return 0;
}

static void file_close(struct source *source)
{
	struct event_reader *f = (struct event_reader *)source;

	munmap((void *)(uintptr_t)f->data, f->size);
	free(f);
}

static const struct source_ops file_ops = {
	.next = file_next,
	.wait = file_wait,
	.counters = file_counters,
	.mark = file_mark,
	.drained = file_drained,
	.misses = file_misses,
	.fill = file_fill,
	.start = file_start,
	.stop = file_stop,
	.close = file_close,
};

int event_file_open(struct source **ret, const char *path)
{
	struct event_reader *f = NULL;
	struct stat st;
	void *data = MAP_FAILED;
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) < 0 ? -errno : 0;
	if (!err && (!S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(magic)))
		err = -EBADMSG;
	if (err)
		goto fail;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	err = data == MAP_FAILED ? -errno : 0;
	if (!err && memcmp(data, magic, sizeof(magic)) != 0)
		err = -EBADMSG;
	if (err)
		goto fail;
	f = calloc(1, sizeof(*f));
	err = f ? 0 : -ENOMEM;
	if (err)
		goto fail;
	f->source.ops = &file_ops;
	snprintf(f->source.info.hooks, sizeof(f->source.info.hooks), "file");
	f->data = data;
	f->size = (size_t)st.st_size;
	f->at = sizeof(magic);
	if (f->size >= f->at + sizeof(struct event))
		f->source.info.run = ((const struct event *)(const void *)(f->data + f->at))->run;
	close(fd);
	*ret = &f->source;
	return 0;
fail:
	if (data != MAP_FAILED)
		munmap(data, (size_t)st.st_size);
	close(fd);
	return err;
}

uint64_t event_file_damage(const struct source *source)
{
	return source->ops == &file_ops ? ((const struct event_reader *)source)->damage : 0;
}

struct event_writer {
	FILE *file;
	int err;
};

int event_writer_open(struct event_writer **ret, const char *path)
{
	/* Arguments of other people's programs are for nobody else. */
	int err, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct event_writer *w;

	if (fd < 0)
		return -errno;
	w = calloc(1, sizeof(*w));
	if (w)
		w->file = fdopen(fd, "w");
	if (!w || !w->file) {
		err = -errno;
		close(fd);
		free(w);
		return err;
	}
	if (fwrite(magic, sizeof(magic), 1, w->file) != 1)
		w->err = -EIO;
	*ret = w;
	return 0;
}

int event_writer_put(struct event_writer *w, const struct event *event)
{
	static const uint8_t zeros[8];
	size_t padding = -event->size & 7;

	if (!w->err && (fwrite(event, event->size, 1, w->file) != 1 ||
			(padding && fwrite(zeros, padding, 1, w->file) != 1)))
		w->err = -EIO;
	return w->err;
}

int event_writer_close(struct event_writer *w)
{
	int err;

	if (!w)
		return 0;
	err = w->err;
	if (fclose(w->file) && !err)
		err = -errno;
	free(w);
	return err;
}
