using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>The status of one tenant's queue to one endpoint, at the moment of the call.</summary>
public sealed record RemoteWriteStatus
{
    public required TenantId Tenant { get; init; }

    public required string RemoteName { get; init; }

    /// <summary>See <see cref="RemoteWriteEndpoint.Url"/>.</summary>
    public required string Url { get; init; }

    /// <summary>The protocol in use, see <see cref="RemoteWriteEndpoint.Protocol"/>.</summary>
    public required RemoteWriteProtocol Protocol { get; init; }

    /// <summary>The number of compressed bytes in memory that are not accepted yet.</summary>
    public required long QueueBytes { get; init; }

    /// <summary>The number of bytes that waiting collections take in the object store; a collection counts here or in <see cref="QueueBytes"/>.</summary>
    public required long DiskBytes { get; init; }

    public required int PendingCollections { get; init; }

    public required long PendingSamples { get; init; }

    /// <summary>The number of samples lost since the start: refused for good, too old, displaced by newer ones, or corrupt in the store.</summary>
    public required long LostSamples { get; init; }

    /// <summary>The number of attempts since the start after which not all of the request was written, including those that were retried.</summary>
    public required long FailedAttempts { get; init; }

    public required DateTimeOffset? LastSuccess { get; init; }

    /// <summary>The last error; empty for none.</summary>
    public required string LastError { get; init; }

    public required DateTimeOffset? LastErrorTime { get; init; }

    /// <summary>The age of the oldest waiting collection; zero if none waits.</summary>
    public required TimeSpan Lag { get; init; }
}
