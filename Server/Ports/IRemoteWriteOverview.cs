using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Server.Ports;

/// <summary>The remote write queues of this process, for <c>/status/remote-write</c>.</summary>
public interface IRemoteWriteOverview
{
    /// <summary>The present status: one entry per endpoint and tenant with a generator in this process.</summary>
    IReadOnlyList<RemoteWriteStatus> Status();
}
