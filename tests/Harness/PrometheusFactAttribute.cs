namespace OrleansTempo.Harness;

/// <summary>A test against a real Prometheus; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PrometheusFactAttribute : FactAttribute
{
    public PrometheusFactAttribute()
    {
        if (PrometheusProcess.Program is null)
            Skip = "prometheus is not on the PATH";
        else if (OperatingSystem.IsWindows())
            Skip = "the harness stops processes by SIGTERM, which Windows does not have";
    }
}
