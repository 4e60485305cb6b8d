namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>A list.</summary>
internal sealed class SequenceNode(SourcePosition position) : ConfigNode(position)
{
    public List<ConfigNode> Items { get; } = [];

    public override string Kind => "a list";
}
