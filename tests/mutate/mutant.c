// SPDX-License-Identifier: Apache-2.0
/*
 * Linked to every test program of the instrumented build. The environment says:
 *
 *   MUTANT=PLACE:VALUE   which mutant lives (VALUE: what its condition is made to be)
 *   MUTANT_SEEN=FILE     where to note which places were met
 *   MUTANT_LIST=1        print all tests, and all turns of those in a loop, one a line
 *   MUTANT_TEST=N        run the N-th of them alone, from 0
 *   MUTANT_DIRS=FILE     note directories that tests make, so that they can be removed
 *
 * The linker puts __wrap_X in the place of X.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mutant.h"
#include "places.h"

#define HITS_MAX 20000000 /* of one condition in one test: it has become an endless loop */

static unsigned char nobody_looks[2 * MUTANT_PLACES];
int mutant_at = -1;
unsigned char *mutant_seen = nobody_looks;
static int forced;

int mutant_forced(void)
{
	static unsigned long hits;

	if (++hits > HITS_MAX)
		_exit(3);
	return forced;
}

__attribute__((constructor)) static void begin(void)
{
	const char *mutant = getenv("MUTANT"), *seen = getenv("MUTANT_SEEN");
	int fd;

	/* An endless one does not outlive who runs it. (A keeper, which gets no environment, has to
	 * outlive the collector.) */
	if (getenv("MUTANT_TEST"))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mutant && sscanf(mutant, "%d:%d", &mutant_at, &forced) != 2)
		_exit(4);
	if (!seen)
		return;
	fd = open(seen, O_RDWR | O_CLOEXEC);
	mutant_seen = mmap(NULL, sizeof(nobody_looks), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || mutant_seen == MAP_FAILED)
		_exit(4);
	close(fd);
}

void __real__tcase_add_test(TCase *tc, const TTest *test, int signal, int code, int start, int end);
void __wrap__tcase_add_test(TCase *tc, const TTest *test, int signal, int code, int start, int end);
void __wrap__tcase_add_test(TCase *tc, const TTest *test, int signal, int code, int start, int end)
{
	static int count; /* of all tests and turns of loops so far */
	const char *wanted = getenv("MUTANT_TEST");

	for (int i = start; i < end; i++, count++) {
		if (getenv("MUTANT_LIST"))
			printf("%s:%d\n", test->name, i);
		if (wanted && atoi(wanted) == count)
			__real__tcase_add_test(tc, test, signal, code, i, i + 1);
	}
}

void __real_srunner_run_all(SRunner *runner, enum print_output mode);
void __wrap_srunner_run_all(SRunner *runner, enum print_output mode);
void __wrap_srunner_run_all(SRunner *runner, enum print_output mode)
{
	if (getenv("MUTANT_LIST"))
		exit(0);
	srunner_set_fork_status(runner, CK_NOFORK);
	__real_srunner_run_all(runner, mode);
	if (srunner_ntests_run(runner) != 1)
		_exit(4);
}

/* The first failure is enough. */
void __wrap__ck_assert_failed(const char *file, int line, const char *text, const char *format,
			      ...);
void __wrap__ck_assert_failed(const char *file, int line, const char *text, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: %s ", file, line, text);
	if (format) {
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
	}
	fputc('\n', stderr);
	_exit(1);
}

char *__real_mkdtemp(char *template);
char *__wrap_mkdtemp(char *template);
char *__wrap_mkdtemp(char *template)
{
	char *made = __real_mkdtemp(template);
	const char *list = getenv("MUTANT_DIRS");
	int fd = made && list ? open(list, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	if (fd >= 0) {
		dprintf(fd, "%s\n", made);
		close(fd);
	}
	return made;
}
