using Microsoft.Extensions.Hosting;

namespace OrleansTempo.Silo.Membership;

/// <summary>Leaves signals alone: the silo's host is stopped as one step of the process's own stop, and not by itself.</summary>
internal sealed class SiloLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
