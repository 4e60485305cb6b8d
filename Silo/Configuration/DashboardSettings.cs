using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Silo.Configuration;

/// <summary><c>OrleansTempo:Dashboard</c>: Orleans' dashboard, under <c>/dashboard</c> of the HTTP API.</summary>
internal sealed record DashboardSettings
{
    public bool Enabled { get; init; }

    /// <summary>Whether everyone who reaches the HTTP API may see it; otherwise only operators may, see <see cref="ServerOptions.AdminFromAnywhere"/>.</summary>
    public bool Public { get; init; }
}
