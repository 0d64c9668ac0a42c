// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cmd/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000000ull

void packer_init(struct packer *p, const char *dir)
{
	*p = (struct packer){ .dir = dir, .said = -1, .due = UINT64_MAX };
}

/* Without our environment and without any of our descriptors: they all close on exec. */
static int spawn(struct packer *p, int complaints)
{
	char *argv[] = { (char *)"indelible",
			 (char *)"pack",
			 (char *)"--chain",
			 (char *)p->dir,
			 (char *)"--idle",
			 (char *)"--quiet",
			 NULL },
	     *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, complaints, 2);
	if (!err)
		err = posix_spawn(&p->process, "/proc/self/exe", &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int start(struct packer *p)
{
	int said[2], err;

	if (pipe2(said, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	err = spawn(p, said[1]);
	close(said[1]);
	if (err) {
		close(said[0]);
		p->process = 0;
		return err;
	}
	p->said = said[0];
	return 0;
}

static const char *fail(struct packer *p, const char *why)
{
	if (p->failed)
		return NULL;
	p->failed = true;
	snprintf(p->trouble, sizeof(p->trouble), "segments stay unpacked: %s", why);
	return p->trouble;
}

/* It has ended: its first line says what was wrong. */
static const char *take_end(struct packer *p, int status)
{
	char line[400], signalled[64];
	ssize_t n = read(p->said, line, sizeof(line) - 1);

	close(p->said);
	p->said = -1;
	p->process = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		p->failed = false;
		return NULL;
	}
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	snprintf(signalled, sizeof(signalled), "its process ended with status %d", status);
	return fail(p, line[0] ? line : signalled);
}

const char *packer_serve(struct packer *p, const struct chain *chain, uint64_t now)
{
	struct chain_state state;
	int status, err;

	if (now < p->next)
		return NULL;
	p->next = now + SECOND;
	chain_get_state(chain, &state);
	if (state.segment != p->segment) { /* what is sealed by now ends the one before */
		p->segment = state.segment;
		p->due = state.next;
	}
	if (p->process)
		return waitpid(p->process, &status, WNOHANG) > 0 ? take_end(p, status) : NULL;
	if (state.sealed < p->due)
		return NULL;
	p->due = UINT64_MAX;
	err = start(p);
	return err ? fail(p, strerror(-err)) : NULL;
}

void packer_stop(struct packer *p)
{
	if (!p->process)
		return;
	kill(p->process, SIGTERM);
	while (waitpid(p->process, NULL, 0) < 0 && errno == EINTR)
		;
	close(p->said);
	p->process = 0;
}
