#define _GNU_SOURCE
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <threads.h>
#include <unistd.h>

#include "CSystemSupport.h"

#if defined(__x86_64__)
#include <immintrin.h>

uint64_t astd_flush_denormals(void) {
  const unsigned state = _mm_getcsr();
  _mm_setcsr(state | 0x8040);  // flush to zero, denormals are zero
  return state;
}

void astd_restore_denormals(uint64_t state) { _mm_setcsr((unsigned)state); }

#elif defined(__aarch64__)

uint64_t astd_flush_denormals(void) {
  uint64_t state;
  __asm__ volatile("mrs %0, fpcr" : "=r"(state));
  __asm__ volatile("msr fpcr, %0" : : "r"(state | (1ull << 24)));
  return state;
}

void astd_restore_denormals(uint64_t state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }

#else

uint64_t astd_flush_denormals(void) { return 0; }

void astd_restore_denormals(uint64_t state) { (void)state; }

#endif

void astd_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int astd_usable_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

void astd_limit_freed_heap(void) {
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 2);
  // glibc's initial threshold; once it is set, glibc no longer raises it to the size of the largest block freed.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

void astd_trim_heap(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

#if defined(__GLIBC__)
// The thread's messages are dropped while this is not zero.
static _Thread_local int drops_messages;
static once_flag replaced = ONCE_FLAG_INIT;

static ssize_t write_message(void *cookie, const char *bytes, size_t count) {
  (void)cookie;
  return drops_messages ? (ssize_t)count : write(STDERR_FILENO, bytes, count);
}

// In glibc `stderr` is a variable that a program may set; libraries print to the stream that it names.
static void replace_stderr(void) {
  FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_message});
  if (stream == NULL) return;
  setvbuf(stream, NULL, _IONBF, 0);
  stderr = stream;
}

void astd_drop_messages(int drops) {
  call_once(&replaced, replace_stderr);
  drops_messages = drops;
}
#else
void astd_drop_messages(int drops) { (void)drops; }
#endif

int astd_memory_file(void) { return memfd_create("astd", MFD_CLOEXEC); }

// `make release` passes it on.
#ifndef ASTD_COMMIT
#define ASTD_COMMIT ""
#endif

const char *astd_commit(void) { return ASTD_COMMIT; }
