
namespace OrleansTempo.Cluster.Harness;

/// <summary>A test of several silos, which needs a real PostgreSQL and a real Prometheus.</summary>
public sealed class ClusterFactAttribute : FactAttribute
{
    public ClusterFactAttribute()
    {
        if (PostgresServer.Missing is { } missing)
            Skip = missing;
        else if (PrometheusProcess.Program is null)
            Skip = "prometheus is not on the PATH";
    }
}
