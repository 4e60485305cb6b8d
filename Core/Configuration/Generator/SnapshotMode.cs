namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>When a metrics-generator keeps its series for the one that follows it.</summary>
public enum SnapshotMode
{
    /// <summary>When it ends in order; after a crash counters begin again at 0.</summary>
    OnStop,

    /// <summary>Also before each collection is sent, so that counters go on after a crash.</summary>
    EveryCollection,

    /// <summary>Never.</summary>
    Off,
}
