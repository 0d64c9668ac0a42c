// SPDX-License-Identifier: Apache-2.0
/*
 * A liar: opens a name that a second thread keeps changing, and that thread puts another file where
 * the descriptor is. DIR/real is there and DIR/void is not: what worked was the one, what failed
 * the other, whatever memory and descriptor say afterwards.
 *
 *   swap DIR COUNT      prints how often it worked and how often it failed
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTOR 100 /* what the opens return: all below are taken */

static char name[4096];
static char *last; /* part of the name */
static int decoy;
static volatile int done;

static void *lie(void *arg)
{
	while (!done) {
		memcpy(last, "void", 4);
		dup2(decoy, DESCRIPTOR);
		memcpy(last, "real", 4);
		dup2(decoy, DESCRIPTOR);
	}
	return arg;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0, worked = 0, failed = 0, fd;
	pthread_t liar;

	if (count <= 0)
		return 2;
	snprintf(name, sizeof(name), "%s/decoy", argv[1]);
	decoy = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	snprintf(name, sizeof(name), "%s/real", argv[1]);
	last = name + strlen(argv[1]) + 1;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && fd < DESCRIPTOR - 1)
		fd = dup(decoy);
	if (fd < 0 || pthread_create(&liar, NULL, lie, NULL))
		return 2;
	while (worked + failed < count) {
		close(DESCRIPTOR); /* there may be a decoy */
		fd = open(name, O_RDONLY | O_NOCTTY);
		worked += fd >= 0;
		failed += fd < 0;
		if (fd >= 0)
			close(fd);
	}
	done = 1;
	pthread_join(liar, NULL);
	printf("worked=%d failed=%d\n", worked, failed);
	return 0;
}
