#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "CSystemSupport.h"

// A slot is free while `start` is 0; it is taken by setting `start` to 1 and published by setting the address.
struct mapping {
  _Atomic uintptr_t start;
  size_t count;
  char *message;
};

static struct mapping mappings[256];
static const char *general_message;
static int status;

int astd_watch_mapping(const void *start, size_t count, const char *message) {
  for (int slot = 0; slot < (int)(sizeof mappings / sizeof *mappings); slot++) {
    uintptr_t none = 0;
    if (!atomic_compare_exchange_strong(&mappings[slot].start, &none, 1)) continue;
    mappings[slot].count = count;
    mappings[slot].message = strdup(message);
    atomic_store(&mappings[slot].start, (uintptr_t)start);
    return slot;
  }
  return -1;
}

void astd_forget_mapping(int slot) {
  if (slot < 0) return;
  atomic_store(&mappings[slot].start, 1);
  free(mappings[slot].message);
  mappings[slot].message = NULL;
  atomic_store(&mappings[slot].start, 0);
}

// Async-signal-safe calls only: no allocation, no locks.
static void end(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  const char *message = general_message;
  const uintptr_t address = (uintptr_t)info->si_addr;
  for (int slot = 0; slot < (int)(sizeof mappings / sizeof *mappings); slot++) {
    const uintptr_t start = atomic_load(&mappings[slot].start);
    if (start > 1 && address >= start && address - start < mappings[slot].count && mappings[slot].message)
      message = mappings[slot].message;
  }
  ssize_t written = write(STDERR_FILENO, message, strlen(message));
  (void)written;
  _exit(status);
}

void astd_end_on_bus_error(const char *message, int exit_status) {
  general_message = strdup(message);
  status = exit_status;
  struct sigaction action = {.sa_sigaction = end, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &action, NULL);
}
