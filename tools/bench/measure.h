/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks written in C share: clocks, CPU times of others, medians. Times are in ns. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <sys/types.h>

#define ROUNDS_MAX 99

struct spread {
	double median, half; /* half: of the distance between the quartiles */
};

double now_ns(void);
/* Of this process and its children that were waited for. */
double own_cpu_ns(void);
/* Of a process, all its threads, and its children that live; 0 when there is none. As the scheduler
 * counted it, not in ticks. */
double cpu_of(pid_t pid);
/* Of all processors, since boot. */
double idle_ns(void);
struct spread spread_of(const double *values, int n);
/* What the kernel says of its audit, in one line; the text stays. Once audit was on in a boot,
 * every task begun since takes the slow path through its system calls. */
const char *audit_status(void);

#endif
