// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chain/text.h"

#define PATIENCE_MS 30000 /* a disk can stand still for a while; a keeper that is well answers */
#define PATIENCE    (PATIENCE_MS * 1000000ull)
#define LOOK_MAX    1000000000ull /* more between two looks: we stood still, maybe it did too */

struct sealer {
	char *program;
	struct keeper_hello hello;
	int dirfd; /* shares the writer's lock with the keeper, so that it outlives it */
	char vkey[256];

	int socket; /* -1: the keeper is gone */
	pid_t process;
	uint32_t number; /* its process id as it says, also in a thread */
	pthread_t thread;
	bool is_thread;
	char end[128];

	uint32_t turn;		       /* of the last request */
	uint64_t looked_at, silence;   /* ns without an answer, as far as somebody looked */
	struct keeper_request pending; /* found the socket full */
	struct keeper_news news;
	unsigned news_count;
	int segment_fd;
};

/* --- starting and ending a keeper ------------------------------------------------------------- */

static void *thread_main(void *arg)
{
	keeper_serve((int)(intptr_t)arg);
	return NULL;
}

static int start_thread(struct sealer *s, int socket)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, thread_main, (void *)(intptr_t)socket);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		close(socket);
	s->is_thread = err == 0;
	return -err;
}

/* Without our environment and without any of our descriptors: they all close on exec. */
static int start_process(struct sealer *s, int socket)
{
	char *argv[] = { s->program, (char[]){ "keeper" }, NULL }, *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err == 0) {
		err = posix_spawn_file_actions_adddup2(&actions, socket, KEEPER_SOCKET);
		if (err == 0)
			err = posix_spawn(&s->process, s->program, &actions, NULL, argv,
					  environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	if (err)
		s->process = 0;
	close(socket);
	return -err;
}

static int start_keeper(struct sealer *s)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	err = s->program ? start_process(s, pair[1]) : start_thread(s, pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	s->socket = pair[0];
	return 0;
}

static void describe_end(struct sealer *s, int status)
{
	if (WIFSIGNALED(status))
		snprintf(s->end, sizeof(s->end), "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(s->end, sizeof(s->end), "ended with exit code %d", WEXITSTATUS(status));
}

static void kill_keeper(struct sealer *s)
{
	if (s->process > 0)
		kill(s->process, SIGKILL);
}

/* It ends by itself, or is ended. */
static void reap(struct sealer *s)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int status = 0;
	pid_t got = 0;

	for (int i = 0; i < 100 && got == 0; i++) {
		got = waitpid(s->process, &status, WNOHANG);
		if (got == 0)
			nanosleep(&pause, NULL);
	}
	if (got == 0) {
		kill_keeper(s);
		got = waitpid(s->process, &status, 0);
	}
	if (got == s->process)
		describe_end(s, status);
	s->process = 0;
}

/* The keeper has closed its end, or must go. */
static void end_keeper(struct sealer *s)
{
	if (s->socket < 0)
		return;
	close(s->socket);
	s->socket = -1;
	if (s->is_thread)
		pthread_join(s->thread, NULL);
	s->is_thread = false;
	if (s->process > 0)
		reap(s);
	s->pending.what = 0;
	s->news_count++;
}

/* --- receiving -------------------------------------------------------------------------------- */

static bool is_readable(const struct sealer *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->socket, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static void take_news(struct sealer *s, const struct keeper_news *news, int fd)
{
	if (fd >= 0) {
		if (s->segment_fd >= 0)
			close(s->segment_fd);
		s->segment_fd = fd;
	}
	s->news = *news;
	s->news.why[sizeof(s->news.why) - 1] = 0;
	s->news_count++;
}

static void send_pending(struct sealer *s)
{
	if (s->pending.what &&
	    message_send(s->socket, &s->pending, sizeof(s->pending), -1, MSG_DONTWAIT) != -EAGAIN)
		s->pending.what = 0; /* sent, or nobody is there any more */
}

/* Everything that has arrived. */
static void receive_all(struct sealer *s)
{
	struct keeper_news news = { 0 };
	int fd, got;

	if (s->socket < 0)
		return;
	while ((got = message_receive(s->socket, &news, sizeof(news), &fd, MSG_DONTWAIT)) > 0)
		take_news(s, &news, fd);
	if (got == -EAGAIN) {
		send_pending(s);
		return;
	}
	if (got < 0)
		kill_keeper(s); /* it is out of its mind */
	end_keeper(s);
}

/* The one message that must come now. */
static int await(struct sealer *s, void *message, size_t len, int *ret_fd)
{
	int got;

	if (!is_readable(s, PATIENCE_MS)) {
		kill_keeper(s);
		return -ETIMEDOUT;
	}
	got = message_receive(s->socket, message, len, ret_fd, 0);
	return got > 0 ? 0 : got ? got : -EPIPE;
}

/* HELLO, OPENED and the first NEWS. */
static int greet(struct sealer *s, int dirfd, struct keeper_opened *ret, struct chain_error *err)
{
	struct keeper_news news = { 0 };
	int fd = -1, got = message_send(s->socket, &s->hello, sizeof(s->hello), dirfd, 0);

	if (got == 0)
		got = await(s, ret, sizeof(*ret), &fd);
	if (got)
		return chain_fail(err, got, "the keeper did not start: %s", strerror(-got));
	if (ret->error) {
		if (fd >= 0)
			close(fd);
		if (err)
			*err = ret->why;
		return ret->error;
	}
	if (fd >= 0) {
		if (s->dirfd >= 0)
			close(s->dirfd);
		s->dirfd = fd;
	}
	s->number = ret->process;
	got = await(s, &news, sizeof(news), &fd);
	if (got)
		return chain_fail(err, got, "the keeper did not start: %s", strerror(-got));
	take_news(s, &news, fd);
	s->turn = news.turn;
	return 0;
}

/* --- the calls -------------------------------------------------------------------------------- */

int sealer_start(struct sealer **ret, const struct keeper_hello *hello, const char *program,
		 struct keeper_opened *ret_opened, struct chain_error *err)
{
	struct sealer *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return -ENOMEM;
	s->hello = *hello;
	s->socket = s->dirfd = s->segment_fd = -1;
	s->program = program ? strdup(program) : NULL;
	code = program && !s->program ? -ENOMEM : start_keeper(s);
	if (code == 0)
		code = greet(s, -1, ret_opened, err);
	else
		chain_fail(err, code, "cannot start the keeper: %s", strerror(-code));
	if (code) {
		sealer_stop(s);
		return code;
	}
	s->hello.making = MAKE_NEVER;
	memcpy(s->vkey, ret_opened->opened.vkey, sizeof(s->vkey));
	*ret = s;
	return 0;
}

int sealer_restart(struct sealer *s, struct chain_error *err)
{
	struct keeper_opened opened;
	int code;

	end_keeper(s);
	code = start_keeper(s);
	if (code)
		return chain_fail(err, code, "cannot start the keeper: %s", strerror(-code));
	code = greet(s, s->dirfd, &opened, err);
	if (code == 0 && strcmp(opened.opened.vkey, s->vkey) != 0)
		code = chain_fail(err, -EKEYREJECTED, "%s holds another log now, %s", s->hello.dir,
				  opened.opened.vkey);
	return code;
}

const char *sealer_end(const struct sealer *s)
{
	return s->end;
}

uint32_t sealer_process(const struct sealer *s)
{
	return s->number;
}

void sealer_ask(struct sealer *s, unsigned what, uint64_t segment, uint64_t entries, uint64_t bytes)
{
	if (s->socket < 0)
		return;
	s->pending = (struct keeper_request){ .what = s->pending.what | what,
					      .turn = ++s->turn,
					      .segment = segment,
					      .entries = entries,
					      .bytes = bytes };
	send_pending(s);
}

bool sealer_has_news(struct sealer *s, unsigned seen, uint64_t now)
{
	uint64_t passed = now > s->looked_at ? now - s->looked_at : 0;
	bool was_busy = sealer_is_busy(s);
	unsigned before = s->news_count;

	receive_all(s);
	s->looked_at = now;
	if (!was_busy || s->news_count != before)
		s->silence = 0;
	else
		s->silence += passed < LOOK_MAX ? passed : LOOK_MAX;
	if (s->silence > PATIENCE)
		kill_keeper(s);
	return s->news_count != seen;
}

void sealer_get_news(const struct sealer *s, struct keeper_news *ret, unsigned *seen)
{
	*ret = s->news;
	*seen = s->news_count;
}

int sealer_take_segment(struct sealer *s)
{
	int fd = s->segment_fd;

	s->segment_fd = -1;
	return fd;
}

bool sealer_is_busy(const struct sealer *s)
{
	return s->socket >= 0 && s->news.turn != s->turn;
}

bool sealer_is_gone(const struct sealer *s)
{
	return s->socket < 0;
}

void sealer_wait(struct sealer *s, unsigned seen)
{
	while (sealer_is_busy(s) && s->news_count == seen) {
		if (!is_readable(s, PATIENCE_MS)) {
			kill_keeper(s);
			is_readable(s, -1); /* gone for good, whenever the disk lets go of it */
		}
		receive_all(s);
	}
}

void sealer_stop(struct sealer *s)
{
	if (!s)
		return;
	sealer_ask(s, ASK_QUIT, 0, 0, 0);
	while (s->socket >= 0 && is_readable(s, s->is_thread ? -1 : PATIENCE_MS))
		receive_all(s);
	kill_keeper(s);
	end_keeper(s);
	if (s->segment_fd >= 0)
		close(s->segment_fd);
	if (s->dirfd >= 0)
		close(s->dirfd);
	free(s->program);
	free(s);
}
