namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>A part of a YAML document that knows where it stands.</summary>
internal abstract class ConfigNode(SourcePosition position)
{
    public SourcePosition Position { get; } = position;

    /// <summary>What it is, for an error that expected something else.</summary>
    public abstract string Kind { get; }

    /// <summary>An empty value, <c>~</c> or <c>null</c>: as good as not written.</summary>
    public virtual bool IsNull => false;
}
