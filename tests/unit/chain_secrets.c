// SPDX-License-Identifier: Apache-2.0
/* Forward security: once a seal is durable, its key is nowhere any more. */
#include "chain_util.h"

#include <sys/wait.h>
#include <sodium.h>

#define SEAL_KEY "../D.keys/seal.key"

static void setup(void)
{
	use_test_dir();
	close_chain(open_chain(NULL), 0);
}

static bool memory_holds(pid_t pid, const uint8_t *want, size_t len)
{
	char line[256];
	bool found = false;
	FILE *maps = fopen(path_of("/proc/%d/maps", pid), "r");
	int mem = open(path_of("/proc/%d/mem", pid), O_RDONLY);

	ck_assert(maps != NULL && mem >= 0);
	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		uint8_t *data;
		ssize_t n;

		if (sscanf(line, "%lx-%lx r", &from, &to) != 2 || to - from > 64 << 20)
			continue;
		data = malloc(to - from);
		n = pread_all(mem, data, to - from, (off_t)from);
		found = n > 0 && memmem(data, (size_t)n, want, len) != NULL;
		free(data);
	}
	fclose(maps);
	close(mem);
	return found;
}

static bool disk_holds(const uint8_t *want, size_t len)
{
	size_t n;
	uint8_t *data = slurp(SEAL_KEY, &n);
	bool found = memmem(data, n, want, len) != NULL;

	free(data);
	return found;
}

static void seed_on_disk(uint8_t ret[32])
{
	size_t len;
	uint8_t *data = slurp(SEAL_KEY, &len);

	memcpy(ret, data + (data[0] ? 0 : 512) + 48, 32);
	free(data);
}

/* A process with an open chain seals each time it is told to. */
static pid_t start_writer(int *to, int *from)
{
	int in[2], out[2];
	pid_t pid;

	ck_assert_int_eq(pipe(in) | pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		struct chain *chain = open_chain(NULL);
		uint64_t now = 0;
		char c = 0;

		close(in[1]);
		do {
			now += 1000 * MS;
			append(chain, "\020x", CHAIN_CRITICAL, now);
			chain_settle(chain);
			if (write(out[1], &c, 1) != 1)
				break;
		} while (read(in[0], &c, 1) == 1);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	*to = in[1];
	*from = out[0];
	return pid;
}

START_TEST(old_seeds_are_gone)
{
	uint8_t seed[32], sign_seed[32], pk[32], sk[64];
	int to, from;
	char c;
	pid_t pid = start_writer(&to, &from);

	ck_assert_int_eq(read(from, &c, 1), 1);
	seed_on_disk(seed); /* of the seal to come */
	crypto_generichash(sign_seed, 32, (const uint8_t *)"indelible/sign/v1", 17, seed, 32);
	crypto_sign_seed_keypair(pk, sk, sign_seed);
	ck_assert(disk_holds(seed, 32));
	ck_assert(memory_holds(pid, seed, 32));
	ck_assert(memory_holds(pid, sk, 32));
	ck_assert_int_eq(write(to, &c, 1), 1);
	ck_assert_int_eq(read(from, &c, 1), 1);
	/* Half a key is looked for too: copies are not always whole. */
	ck_assert(!disk_holds(seed, 16) && !disk_holds(seed + 16, 16));
	ck_assert(!memory_holds(pid, seed, 16) && !memory_holds(pid, seed + 16, 16));
	ck_assert(!memory_holds(pid, sign_seed, 16) && !memory_holds(pid, sign_seed + 16, 16));
	close(to);
	close(from);
	waitpid(pid, NULL, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_secrets");
	TCase *tcase = tcase_create("secrets");

	tcase_add_checked_fixture(tcase, setup, drop_test_dir);
	tcase_add_test(tcase, old_seeds_are_gone);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
