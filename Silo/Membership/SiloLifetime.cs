using Microsoft.Extensions.Hosting;

namespace OrleansTempo.Silo.Membership;

/// <summary>Ignores signals: the silo's host does not stop by itself, but as one step of the process's shutdown.</summary>
internal sealed class SiloLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
