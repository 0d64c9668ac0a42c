// SPDX-License-Identifier: Apache-2.0
/* Messages side by side, where there are wide vectors. */
#include "chain/sha256_ways.h"

#ifdef SHA256_LANES
#define LANES		 4
#define LANES_NAME(name) name##_4
#define VECTOR		 vector_4
#define LANES_TARGET
#define LANES_MANY sha256_many_lanes4
#include "chain/sha256_lanes.h"
#undef VECTOR

#define LANES		 8
#define LANES_NAME(name) name##_8
#define VECTOR		 vector_8
#define LANES_TARGET	 __attribute__((target("avx2")))
#define LANES_MANY	 sha256_many_lanes8
#include "chain/sha256_lanes.h"
#undef VECTOR

#define LANES		 16
#define LANES_NAME(name) name##_16
#define VECTOR		 vector_16
#define LANES_TARGET	 __attribute__((target("avx512f")))
#define LANES_MANY	 sha256_many_lanes16
#include "chain/sha256_lanes.h"

bool sha256_has_lanes8(void)
{
	return __builtin_cpu_supports("avx2");
}

bool sha256_has_lanes16(void)
{
	return __builtin_cpu_supports("avx512f");
}
#endif
