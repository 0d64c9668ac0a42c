/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_EVENT_FILE_H
#define CAPTURE_EVENT_FILE_H
/*
 * Captured events in a file, for tests and benchmarks: what the rings held, before attribution.
 *
 *   0 magic "INDEVT" | 6 version u8, EVENT_VERSION | 7 zero u8 | then events as in event.h, each
 *   with its length in event.size, padded with zeros to 8 bytes. Byte order of the machine.
 */
#include "capture/source.h"

/* Mapped read-only. 0, -EBADMSG for a file that is none, other -errno. */
int event_file_open(struct source **ret, const char *path);

/* What a reader found damaged: offset of the first bad event, or 0. */
uint64_t event_file_damage(const struct source *source);

struct event_writer;
int event_writer_open(struct event_writer **ret, const char *path);
int event_writer_put(struct event_writer *writer, const struct event *event);
/* 0 or the first error met; NULL is accepted. */
int event_writer_close(struct event_writer *writer);

#endif
