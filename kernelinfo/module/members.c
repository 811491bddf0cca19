// SPDX-License-Identifier: GPL-2.0
/*
 * The values of members.list that this kernel's headers know, as probe.sh has found out.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "headers.h"
#include "kernelinfo.h"

struct member {
	const char *key;
	long value;
};

/* The first of several with the same key counts. */
static const struct member members[] = {
#define MEMBER(key, value) { key, (long)(value) },
#include "members.h"
#undef MEMBER
};

long kernelinfo_member(const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (strcmp(members[i].key, key) == 0)
			return members[i].value;
	return -1;
}

void kernelinfo_print_members(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++) {
		const bool first = i == 0 || strcmp(members[i].key, members[i - 1].key) != 0;

		if (first && strstarts(members[i].key, "export:") == 0)
			kernelinfo_print_offset(members[i].key, members[i].value);
	}
}
