// SPDX-License-Identifier: Apache-2.0
/*
 * Objects, which are written once and never changed (X, Y: 16 hexadecimal digits):
 *
 *   identity.pub       as in the chain's directory
 *   X.seg, X.segz      a closed segment, the file as it is there
 *   X.seg.Y-Y          bytes from Y up to Y of segment X (plain), while it was not closed
 *   seals.Y-Y          records from Y up to Y of seals, 160 bytes each, the header being record 0
 *   checkpoint.Y       the checkpoint at size Y
 *
 * in this order, so that what is there at any moment is good as far as its last checkpoint; once
 * there is a checkpoint, seals come along with the segments. The command gets INDELIBLE_OP=put and
 * INDELIBLE_NAME, and the bytes on standard input; or INDELIBLE_OP=get, and gives them on standard
 * output.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain/extent.h"
#include "chain/text.h"
#include "cmd/archive.h"
#include "cmd/cmd.h"

#define CHUNK	 65536
#define STILL_MS 600000 /* without a byte moving */

struct sender {
	const struct objects_options *options;
	struct extent extent;
	uint64_t seals; /* records of seals that are there */
	struct objects_sent sent;
	struct chain_error *err;
};

/* What an object is made of: bytes in memory, or a range of a file. */
struct object {
	char name[80];
	const uint8_t *data; /* NULL: from the segment */
	const struct segment *file;
	uint64_t from, to;
};

/* --- the command ------------------------------------------------------------------------------ */

struct child {
	pid_t pid;
	int fd;
};

static int fail(struct sender *s, int code, const struct object *o, const char *why)
{
	return chain_fail(s->err, code, "%.200s: %s: %s", s->options->command, o->name,
			  why ? why : strerror(-code));
}

static void become_command(const struct sender *s, const struct object *o, bool put, int fd)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (null < 0 || dup2(put ? fd : null, STDIN_FILENO) < 0 ||
	    dup2(put ? null : fd, STDOUT_FILENO) < 0 ||
	    setenv("INDELIBLE_OP", put ? "put" : "get", 1) || setenv("INDELIBLE_NAME", o->name, 1))
		_exit(126);
	if (null > STDERR_FILENO)
		close(null);
	execl("/bin/sh", "sh", "-c", s->options->command, (char *)NULL);
	_exit(127);
}

static int start(struct sender *s, const struct object *o, bool put, struct child *ret)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(s, -errno, o, NULL);
	ret->pid = fork();
	if (ret->pid == 0)
		become_command(s, o, put, ends[put ? 0 : 1]);
	close(ends[put ? 0 : 1]);
	ret->fd = ends[put ? 1 : 0];
	if (ret->pid < 0) {
		int err = -errno;

		close(ret->fd);
		return fail(s, err, o, NULL);
	}
	setpgid(ret->pid, ret->pid); /* whoever of us is first */
	fcntl(ret->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

/* Wait until the pipe can go on. */
static int await_pipe(struct sender *s, const struct object *o, const struct child *child,
		      short events)
{
	for (int waited = 0; waited < STILL_MS; waited += 200) {
		struct pollfd p = { .fd = child->fd, .events = events };

		if (archive_stop)
			return fail(s, -EINTR, o, "stopped");
		if (poll(&p, 1, 200) > 0)
			return 0;
	}
	return fail(s, -ETIMEDOUT, o, "the command stands still");
}

/* It is not needed any more, or will never end. */
static int end_command(struct child *child, int err)
{
	kill(-child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	return err;
}

/* Wait for its end. err: what went wrong so far; where it gave up itself, it says why better. */
static int finish(struct sender *s, const struct object *o, struct child *child, int err)
{
	char why[80];
	int status = 0;

	close(child->fd);
	if (err && err != -EPIPE && err != -ENODATA)
		return end_command(child, err);
	for (int waited = 0; waitpid(child->pid, &status, WNOHANG) == 0; waited += 10) {
		if (archive_stop)
			return end_command(child, fail(s, -EINTR, o, "stopped"));
		if (waited >= STILL_MS)
			return end_command(child, fail(s, -ETIMEDOUT, o, "does not end"));
		usleep(10000);
	}
	if (status == 0)
		return err;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "exit code %d", WEXITSTATUS(status));
	return fail(s, -EIO, o, why);
}

/* Bytes of the object from `at` on; how many, -errno. */
static ssize_t read_object(struct sender *s, const struct object *o, uint64_t at, uint8_t *to)
{
	uint64_t left = o->to - at;
	size_t want = left < CHUNK ? (size_t)left : CHUNK;
	ssize_t n;

	if (o->data) {
		memcpy(to, o->data + at, want);
		return (ssize_t)want;
	}
	n = segment_read(o->file, to, want, at);
	if (n == (ssize_t)want)
		return n;
	chain_fail(s->err, -EBADMSG, "%s: %s: %s", s->options->dir, o->name,
		   segment_why(o->file) ? segment_why(o->file) : "cannot be read whole");
	return n < 0 ? n : -EBADMSG;
}

static int put(struct sender *s, const struct object *o)
{
	uint8_t buffer[CHUNK];
	struct child child = { .fd = -1 };
	uint64_t at = o->from;
	int err = start(s, o, true, &child);

	if (err)
		return err;
	while (at < o->to && err == 0) {
		ssize_t n = read_object(s, o, at, buffer), done = 0;

		err = n < 0 ? (int)n : 0;
		while (err == 0 && done < n) {
			ssize_t w = write(child.fd, buffer + done, (size_t)(n - done));

			if (w > 0)
				done += w;
			else if (errno == EAGAIN)
				err = await_pipe(s, o, &child, POLLOUT);
			else if (errno != EINTR)
				err = fail(s, -EPIPE, o, "the command does not take it");
		}
		at += (uint64_t)done;
	}
	err = finish(s, o, &child, err);
	if (err == 0)
		s->sent.bytes += o->to - o->from;
	return err;
}

/* Does the command give back the same? -EBADMSG when something else is there, -ENODATA when not all
 * of it is, -EIO when the command fails: mostly because nothing is. */
static int get(struct sender *s, const struct object *o)
{
	uint8_t got[CHUNK], want[CHUNK];
	uint64_t at = o->from;
	struct child child = { .fd = -1 };
	ssize_t have = 0, used = 0;
	int err = start(s, o, false, &child);

	if (err)
		return err;
	while (err == 0) {
		ssize_t n = read(child.fd, got, sizeof(got));

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			err = errno == EAGAIN ? await_pipe(s, o, &child, POLLIN)
					      : fail(s, -EIO, o, strerror(errno));
		for (ssize_t i = 0; i < n && err == 0; i++) {
			if (used == have && at < o->to) {
				have = read_object(s, o, at, want);
				used = 0;
				err = have < 0 ? (int)have : 0;
				at += have > 0 ? (uint64_t)have : 0;
			}
			if (err == 0 && (used == have || want[used++] != got[i]))
				err = fail(s, -EBADMSG, o, "reads back as something else");
		}
	}
	if (err == 0 && (at < o->to || used < have))
		err = fail(s, -ENODATA, o, "reads back cut short");
	return finish(s, o, &child, err);
}

static int send_object(struct sender *s, const struct object *o)
{
	const struct objects_options *options = s->options;
	int err = options->doubtful && options->read_back ? get(s, o) : -EIO;

	/* Nothing there, or what an interruption left. Something else is not written over. */
	if (err != -EIO && err != -ENODATA)
		return err;
	if (archive_stop)
		return fail(s, -EINTR, o, "stopped");
	s->err->text[0] = 0;
	err = put(s, o);
	if (err == 0 && options->read_back)
		err = get(s, o);
	s->sent.objects += err == 0;
	return err;
}

/* --- the objects ------------------------------------------------------------------------------ */

static int send_identity(struct sender *s)
{
	char text[VKEY_MAX + 1];
	struct object o = { .name = FILE_IDENTITY, .data = (uint8_t *)text };

	o.to = (uint64_t)snprintf(text, sizeof(text), "%s\n", s->extent.name.vkey);
	return s->options->from ? 0 : send_object(s, &o);
}

static int send_packed(struct sender *s, uint64_t number)
{
	struct segment raw = { 0 };
	struct object o = { .file = &raw };
	int err;

	packed_name(number, o.name);
	raw.fd = open_regular(s->extent.dirfd, o.name, O_RDONLY, &o.to);
	if (raw.fd < 0)
		return chain_fail(s->err, raw.fd, "%s/%s: %s", s->options->dir, o.name,
				  strerror(-raw.fd));
	err = send_object(s, &o);
	close(raw.fd);
	return err;
}

/* Which seals an earlier call has sent. */
static int find_seals(struct sender *s)
{
	uint64_t seal = 0;
	int err = s->options->from ? extent_seal(&s->extent, s->options->from, &seal, s->err) : 0;

	if (err == 0 && s->options->from && seal == 0)
		return chain_fail(s->err, -EBADMSG,
				  "%s: no seal has the size %" PRIu64 " that was acknowledged",
				  s->options->dir, s->options->from);
	s->seals = seal ? seal + 1 : 0;
	return err;
}

/* Records of seals below `to`. */
static int send_seals(struct sender *s, uint64_t to)
{
	struct segment file = { 0 };
	struct object o = { .file = &file };
	uint64_t size;
	int err;

	if (s->seals >= to)
		return 0;
	file.fd = open_regular(s->extent.dirfd, FILE_SEALS, O_RDONLY, &size);
	if (file.fd < 0)
		return chain_fail(s->err, file.fd, "%s/" FILE_SEALS ": %s", s->options->dir,
				  strerror(-file.fd));
	snprintf(o.name, sizeof(o.name), FILE_SEALS ".%016" PRIx64 "-%016" PRIx64, s->seals, to);
	o.from = SEAL_LEN * s->seals;
	o.to = SEAL_LEN * to;
	err = send_object(s, &o);
	if (err == 0)
		s->seals = to;
	close(file.fd);
	return err;
}

static int send_segment(struct sender *s, uint64_t number, uint64_t from)
{
	const struct chain_place *end = &s->extent.end;
	bool whole = number < end->number && from == 0;
	struct object o = { .from = from };
	struct segment segment;
	const char *why = NULL;
	int err = segment_open(s->extent.dirfd, number, &segment, &why);

	segment_name(number, o.name);
	if (err)
		return chain_fail(s->err, err == -ENOENT ? -EBADMSG : err, "%s/%s: %s",
				  s->options->dir, o.name, why ? why : strerror(-err));
	o.file = &segment;
	o.to = number < end->number ? segment.size : end->offset;
	if (!whole)
		snprintf(o.name + strlen(o.name), 40, ".%016" PRIx64 "-%016" PRIx64, o.from, o.to);
	/* Behind what has a checkpoint, no segment comes before the seal that its own follows. */
	if (s->options->from)
		err = send_seals(s, segment.header.seal);
	if (err == 0 && whole && segment.unpack)
		err = send_packed(s, number);
	else if (err == 0 && o.from < o.to)
		err = send_object(s, &o);
	segment_close(&segment);
	return err;
}

static int send_segments(struct sender *s)
{
	struct chain_place from = { .number = s->extent.first };
	int err = 0;

	if (s->options->from)
		err = extent_place(&s->extent, s->options->from, NULL, &from, s->err);
	for (uint64_t n = from.number; n <= s->extent.end.number && err == 0; n++)
		err = send_segment(s, n, n == from.number ? from.offset : 0);
	return err;
}

static int send_checkpoint(struct sender *s)
{
	struct object o = { .data = s->extent.note, .to = s->extent.note_len };

	snprintf(o.name, sizeof(o.name), FILE_CHECKPOINT ".%016" PRIx64, s->extent.size);
	return send_object(s, &o);
}

int objects_send(const struct objects_options *options, struct objects_sent *ret,
		 struct chain_error *err)
{
	struct sender s = { .options = options, .err = err };
	int code = extent_open(&s.extent, options->dir, NULL, err);

	if (code)
		return code;
	if (options->from > s.extent.size)
		code = chain_fail(err, -EBADMSG,
				  "%s: %" PRIu64
				  " entries were acknowledged, the checkpoint covers %" PRIu64,
				  options->dir, options->from, s.extent.size);
	if (code == 0 && options->from < s.extent.size) {
		code = find_seals(&s);
		if (code == 0)
			code = send_identity(&s);
		if (code == 0)
			code = send_segments(&s);
		if (code == 0)
			code = send_seals(&s, s.extent.seal + 1);
		if (code == 0)
			code = send_checkpoint(&s);
	}
	s.sent.size = s.extent.size;
	memcpy(s.sent.root, s.extent.root, CHAIN_HASH);
	extent_close(&s.extent);
	if (code == 0)
		*ret = s.sent;
	return code;
}
