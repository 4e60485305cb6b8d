namespace OrleansTempo.Harness;

/// <summary>A test that runs a Node script against a real Prometheus; skipped, with the reason, where one of them is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute() => Skip = new PrometheusFactAttribute().Skip ?? NodeScripts.Missing;
}
