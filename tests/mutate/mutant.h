/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MUTANT_H
#define MUTANT_H
/* What conditions and statements of instrumented sources become (schemata.py puts it there). The
 * mutant that lives is named by the environment; without one nothing changes. */

extern int mutant_at; /* the place that is changed, -1 none */
extern unsigned char
	*mutant_seen; /* [2 * place + value]: a condition had it, a statement was met */

int mutant_forced(void); /* what the condition in hand is made to be */

static inline int mutant_condition(int place, int value)
{
	mutant_seen[2 * place + value] = 1;
	return place == mutant_at ? mutant_forced() : value;
}

static inline int mutant_gone(int place)
{
	mutant_seen[2 * place] = 1;
	return place == mutant_at;
}

#define MUTANT_IS(place, condition) mutant_condition(place, (condition) ? 1 : 0)
#define MUTANT_CALL(place, call)    (mutant_gone(place) ? 0 : (call))
#define MUTANT_DO(place, ...)                                                                      \
	{                                                                                          \
		if (!mutant_gone(place)) {                                                         \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

#endif
