// What Linux and the C library offer to threads and the heap, and Swift's Glibc module does not.
#ifndef ASTD_CSYSTEMSUPPORT_H
#define ASTD_CSYSTEMSUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Makes the calling thread's arithmetic treat denormal numbers, which cost a hundred cycles each, as zero.
/// Returns the previous state, for `astd_restore_denormals`.
uint64_t astd_flush_denormals(void);
void astd_restore_denormals(uint64_t state);

/// Sets the calling thread's name, as `ps` and debuggers show it; Linux keeps its first 15 bytes.
void astd_name_thread(const char *name);

/// The number of processors that the calling thread may run on (sched_getaffinity).
int astd_usable_processors(void);

/// Limits how much freed memory the process keeps. All threads share two malloc arenas (glibc's M_ARENA_MAX): an arena
/// keeps what its threads have freed. Blocks of 128 KiB and more, such as an adapter's tensors, are mapped each for
/// itself (M_MMAP_THRESHOLD) and returned when they are freed; in an arena, they would leave it in fragments.
void astd_limit_freed_heap(void);

/// Returns freed heap memory to the system (glibc's malloc_trim).
void astd_trim_heap(void);

/// What a child process may use at most; 0 means no limit of its own.
struct astd_child_limits {
  uint64_t cpu_seconds;
  uint64_t address_bytes;
  uint64_t open_files;
  /// Whether it may make files longer.
  bool writes_files;
};

/// Starts a program that has only the standard streams, a session of its own (so that Ctrl-C does not reach it), the
/// default handling of all signals, and no core dump. posix_spawn can set neither limits
/// nor close descriptors that other threads open at the same time. The kernel kills the program when the calling thread
/// ends, also because its process is killed.
///
/// `input` becomes its standard input; `*output` and `*errors` receive the reading ends of pipes from its standard output
/// and standard error. Returns 0, or the error number of what failed, up to and including exec.
int astd_spawn(pid_t *child, const char *path, char *const arguments[], char *const environment[], int input,
               int *output, int *errors, const struct astd_child_limits *limits);

/// An empty file without a name, in memory; -1 with errno. Its descriptor is closed by exec.
int astd_memory_file(void);

/// Ends the process with `message` and `exit_status` on SIGBUS, which the kernel sends when memory is read that maps a part
/// of a file that is no longer there. For a watched mapping, its own message is written.
void astd_end_on_bus_error(const char *message, int exit_status);

/// Copies `message`. Returns a slot for `astd_forget_mapping`; -1 when all are taken.
int astd_watch_mapping(const void *start, size_t count, const char *message);

void astd_forget_mapping(int slot);

/// Drops what libraries print with stdio on `stderr` on the calling thread, until it is called with 0. Other threads,
/// and writes to descriptor 2, are not affected.
void astd_drop_messages(int drops);

/// The commit that the programs were built from, ending in `-dirty` if files had been changed; "" where it is unknown.
const char *astd_commit(void);

#endif
