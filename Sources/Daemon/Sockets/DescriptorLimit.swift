import Glibc

/// How many files and sockets this process may have open (RLIMIT_NOFILE).
enum DescriptorLimit {
    /// What the daemon opens besides its clients' sockets: models, the sound server, files that clients have classified.
    private static let ownDescriptors = 128

    /// Raises the limit as far as `clients` connections to each of two sockets need, and as far as this process may.
    ///
    /// - Returns: Connections to each socket that there is room for, at most `clients`.
    static func makeRoom(forClients clients: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return clients }
        let wanted = rlim_t(2 * clients + ownDescriptors)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return clients }
        }
        let room = Int(clamping: limit.rlim_cur) - ownDescriptors
        return max(1, min(clients, room / 2))
    }
}
