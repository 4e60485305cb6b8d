using System.Collections.Concurrent;
using OrleansTempo.Core;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Tests;

/// <summary>Keeps what it was asked to do; it knows one tenant, <c>dev</c>.</summary>
internal sealed class RecordingIngester : IIngesterAdmin
{
    public ConcurrentQueue<string> Flushed { get; } = new();

    public TaskCompletionSource ShutdownAsked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What a shutdown takes.</summary>
    public Task Shutdown { get; set; } = Task.CompletedTask;

    public Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken)
    {
        Flushed.Enqueue(tenant?.Value ?? "*");
        return Task.FromResult(tenant is null or { Value: "dev" });
    }

    public Task ShutdownAsync(CancellationToken cancellationToken)
    {
        ShutdownAsked.SetResult();
        return Shutdown;
    }
}
