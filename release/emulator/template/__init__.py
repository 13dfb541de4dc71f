"""The template language of Azure Resource Manager: expressions, parameters, resources.

Pure: values in, values out; nothing here asks any cloud.
"""
