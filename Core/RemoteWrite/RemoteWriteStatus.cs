using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>How one tenant's queue to one endpoint is doing, at the moment it was asked.</summary>
public sealed record RemoteWriteStatus
{
    public required TenantId Tenant { get; init; }

    public required string RemoteName { get; init; }

    /// <summary>See <see cref="RemoteWriteEndpoint.Url"/>.</summary>
    public required string Url { get; init; }

    /// <summary>In what requests are sent now, see <see cref="RemoteWriteEndpoint.Protocol"/>.</summary>
    public required RemoteWriteProtocol Protocol { get; init; }

    /// <summary>Compressed bytes not yet accepted that are in memory.</summary>
    public required long QueueBytes { get; init; }

    /// <summary>What those in the object store take there; each collection is in one of the two.</summary>
    public required long DiskBytes { get; init; }

    public required int PendingCollections { get; init; }

    public required long PendingSamples { get; init; }

    /// <summary>Samples lost since the start: refused for good, too old, pushed out by newer ones, or damaged in the store.</summary>
    public required long LostSamples { get; init; }

    /// <summary>Attempts to send a request since the start that did not come to all of it being written, those that were repeated too.</summary>
    public required long FailedAttempts { get; init; }

    public required DateTimeOffset? LastSuccess { get; init; }

    /// <summary>Empty where there has been none.</summary>
    public required string LastError { get; init; }

    public required DateTimeOffset? LastErrorTime { get; init; }

    /// <summary>How much older the oldest collection that waits is than now; zero where none waits.</summary>
    public required TimeSpan Lag { get; init; }
}
