internal import Recognizer
internal import Settings

extension AdapterChoice {
    /// What the settings choose for all sources and for single ones.
    ///
    /// - Parameter initial: The variants of the setting `adapter`, for sources without names of adapters.
    init(_ settings: DaemonSettings, initial: [String?]) {
        func names(_ settings: DaemonSettings) -> [String?] {
            settings.adapters.isEmpty
                ? initial : settings.adapters.map { $0 == AdapterName.base ? nil : $0 }
        }
        common = names(settings)
        for stream in settings.streams {
            let names = names(stream.settings)
            if let name = stream.name, names != common { own[name] = names }
        }
    }

    /// This choice, with what differs between two settings.
    ///
    /// - Parameter sources: The names of all sources; the choices of others are dropped.
    func following(_ new: AdapterChoice, insteadOf old: AdapterChoice, sources: Set<String>) -> AdapterChoice
    {
        var choice = self
        if new.common != old.common { choice.common = new.common }
        for name in Set(new.own.keys).union(old.own.keys) where new.own[name] != old.own[name] {
            choice.own[name] = new.own[name]
        }
        choice.own = choice.own.filter { sources.contains($0.key) }
        return choice
    }
}
