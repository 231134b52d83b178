// What Linux and the C library offer to threads and the heap, and Swift's Glibc module does not.
#ifndef ASTD_CSYSTEMSUPPORT_H
#define ASTD_CSYSTEMSUPPORT_H

#include <stdint.h>

/// Makes the calling thread's arithmetic treat denormal numbers, which cost a hundred cycles each, as zero.
/// Returns the previous state, for `astd_restore_denormals`.
uint64_t astd_flush_denormals(void);
void astd_restore_denormals(uint64_t state);

/// Sets the calling thread's name, as `ps` and debuggers show it; Linux keeps its first 15 bytes.
void astd_name_thread(const char *name);

/// The number of processors that the calling thread may run on (sched_getaffinity).
int astd_usable_processors(void);

/// Makes all threads share two malloc arenas (glibc's M_ARENA_MAX). An arena keeps memory that its threads have freed,
/// so one arena per thread would keep much more.
void astd_limit_arenas(void);

/// Returns freed heap memory to the system (glibc's malloc_trim).
void astd_trim_heap(void);

#endif
