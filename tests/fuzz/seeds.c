// SPDX-License-Identifier: Apache-2.0
/* seeds DIR: a corpus to begin with for each harness of chain/, DIR/corpus-HARNESS/N. */
#include "chain_seeds.h"

static const char *target;

static void write_seed(const char *harness, const uint8_t *data, size_t len)
{
	static unsigned number;
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/corpus-%s", target, harness);
	CHECK(mkdir(path, 0777) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/corpus-%s/%u", target, harness, number++);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	CHECK(fd >= 0 && pwrite_all(fd, data, len, 0) == 0);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIR\n");
		return 2;
	}
	target = argv[1];
	each_chain_seed(write_seed);
	return 0;
}
