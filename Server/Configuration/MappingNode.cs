namespace OrleansTempo.Server.Configuration;

/// <summary>Keys and their values, in the file's order, each key once.</summary>
internal sealed class MappingNode(SourcePosition position) : ConfigNode(position)
{
    public List<(ScalarNode Key, ConfigNode Value)> Entries { get; } = [];

    public override string Kind => "a mapping";

    public (ScalarNode Key, ConfigNode Value)? Find(string key)
    {
        foreach (var entry in Entries)
        {
            if (entry.Key.Value == key)
                return entry;
        }

        return null;
    }
}
